import fc from 'fast-check'
import t from 'tap'
import { PreambleSearch } from '../../../../src/mail/mime/reader/preamble-search.ts'

/** Where a search finds a delimiter in pieces of a text, and how much work that is. */
function search(boundaries: readonly string[], pieces: readonly string[]) {
  const search = new PreambleSearch(boundaries)
  let at: number | undefined
  let units = 0
  let longest = 0
  for (const piece of pieces) {
    const steps = search.next(Buffer.from(piece, 'latin1'))
    let step = steps.next()
    for (; !step.done; step = steps.next()) {
      units += step.value
      longest = Math.max(longest, step.value)
    }
    at ??= step.value
  }
  return { at, units, longest }
}

/** The same by the definition: of the delimiters that end first, the shortest. */
function expected(boundaries: readonly string[], text: string): number | undefined {
  for (let end = 0; end < text.length; end++) {
    if (!/\s/.test(text[end]!)) continue
    const starts = boundaries
      .filter((boundary) => text.slice(0, end).toLowerCase().endsWith(`--${boundary}`))
      .map(({ length }) => end - '--'.length - length)
      .filter((start) => start > 0 && text[start - 1] !== '\n')
    if (starts.length > 0) return Math.max(...starts)
  }
  return undefined
}

t.test('a delimiter is found in the middle of a line', async (t) => {
  const rows: readonly [text: string, at: number | undefined][] = [
    ['a --b\n', 2],
    ['a --B c\n', 2],
    ['a\n---b\n', 3],
    ['--b\n', undefined],
    ['a\n--b\n', undefined],
    ['a --b', undefined],
    ['a --bc\n', undefined],
    ['--x--y--b\n', 6],
    ['--x--y \n', undefined],
    ['a--x--y \n', 1],
  ]
  for (const [text, at] of rows) t.equal(search(['b', 'x--y'], [text]).at, at, text)
})

t.test('the same is found in any pieces, for any boundaries', async (t) => {
  const some = fc.stringMatching(/^[ab -]{1,6}$/)
  const boundaries = fc.array(
    some.map((text) => text.trim() || 'a'),
    { minLength: 1, maxLength: 8 },
  )
  const pieces = fc.array(fc.stringMatching(/^[abA\n -]{0,12}$/), { maxLength: 8 })
  fc.assert(
    fc.property(boundaries, pieces, (boundaries, pieces) => {
      t.equal(search(boundaries, pieces).at, expected(boundaries, pieces.join('')))
    }),
    { numRuns: 3000 },
  )
})

t.test('a boundary that no byte or line can contain is not found', async (t) => {
  t.equal(search(['a\nb', 'a\u0162'], ['x--a\nb y--ab y--a\u0162 z']).at, undefined)
})

t.test('each byte takes a few steps, whatever the boundaries are', async (t) => {
  const repeated = (text: string) => Array.from({ length: 60 }, (_, at) => text.repeat(at + 1))
  const kinds: Readonly<Record<string, readonly string[]>> = {
    'of each length': repeated('b'),
    'of dashes': repeated('-').map((dashes) => `${dashes}x`),
    'of blanks': repeated('b ').map((text) => `${text}x`),
    'of dashes and letters': repeated('b--').map((text) => `${text}x`),
    long: ['-', 'b', 'b--', 'b --'].map((text) => `${text.repeat(900 / text.length)}x`),
  }
  const fills = ['-', '-- ', '--b', '--bb\t', '-b ', 'b --', 'b--', `${'-'.repeat(900)}\n`, '--b\n']
  for (const [kind, boundaries] of Object.entries(kinds)) {
    for (const fill of fills) {
      const text = `x${fill.repeat((64 * 1024) / fill.length)}`
      const built = boundaries.join('').length + boundaries.length * 2
      const { units } = search(boundaries, [text])
      t.ok(units <= 3 * text.length + 16 * built, `${kind} in ${JSON.stringify(fill)}: ${units}`)
    }
  }
})

t.test(
  'the boundaries are read in turns, and not more of them than there is memory for',
  async (t) => {
    const boundaries = (count: number) =>
      Array.from({ length: count }, (_, number) => `${number}`.padEnd(900, `${number}-`))
    const { longest } = search(boundaries(60), ['x --'])
    t.ok(longest < 32 * 1024, `${longest}`)
    const message = 'boundaries of more than 65536 characters'
    t.throws(() => search(boundaries(80), ['x --']), { message })
    t.equal(search(boundaries(80), ['x']).at, undefined, 'without dashes they are not needed')
  },
)
