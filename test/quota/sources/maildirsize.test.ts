import fc from 'fast-check'
import t from 'tap'
import { mayReportFull, parseMaildirsize } from '../../../src/quota/sources/maildirsize.ts'

const MAILDIRSIZE_MAX = 5120

const read = (text: string) => parseMaildirsize(Buffer.from(text, 'latin1'))

/** Parses a file, and writes its sum in short: `bytes messages`; undefined if it has none. */
function sumOf(text: string): string | undefined {
  const { usage } = read(text)
  return usage && `${usage.bytes} ${usage.messages}`
}

t.test('the size is the sum of all lines after the first', async (t) => {
  t.same(read('1000S,10C\n400 4\n-100 -1\n'), {
    limits: { bytes: 1000, messages: 10 },
    usage: { bytes: 300, messages: 3, lines: 2 },
  })
})

t.test('the first line may limit bytes, messages, both or nothing', async (t) => {
  t.same(read('10C\n1 1\n').limits, { messages: 10 })
  t.same(read('10C,5S\n1 1\n').limits, { bytes: 5, messages: 10 })
  t.same(read('0S\n1 1\n').limits, { bytes: 0 })
  t.same(read('\n1 1\n').limits, {})
})

t.test('blanks and padding are allowed, as Courier writes them', async (t) => {
  t.equal(sumOf('1000S\n         400            4\n  -100   -1  \n'), '300 3')
})

t.test('an incomplete last line is ignored until it ends', async (t) => {
  t.equal(sumOf('1000S\n400 4\n100'), '400 4')
  t.equal(sumOf('1000S\n400 4\n100 1'), '400 4', 'even where it looks whole')
  t.equal(sumOf('1000S'), undefined)
  t.equal(sumOf(''), undefined)
})

t.test('a broken line makes the sum unusable, but not the limits', async (t) => {
  for (const line of ['x', '400', '\n400 4', '1e3 4', '400 4 4', '-500 -1', '-5 -5']) {
    t.equal(sumOf(`1000S\n400 4\n${line}\n`), undefined, line)
  }
  t.equal(sumOf('1000S\n400 4\n4000000000000000 4\n'), undefined, 'no number that is exact')
  t.equal(sumOf('1000S\n'), undefined)
  t.same(read('1000S\nx\n').limits, { bytes: 1000 })
})

t.test('a file with a NUL or illegible limits is ignored', async (t) => {
  t.equal(sumOf('1000S\n400 4\n5 \0\n'), undefined)
  t.equal(read('1000S\n400 4\0\n').limits, undefined)
  for (const first of ['1000', '1000X', 'S', '-1S', '1000S;10C', '99999999999999999999S']) {
    t.same(read(`${first}\n400 4\n`), { limits: undefined, usage: undefined }, first)
  }
})

t.test('a file of 5,120 bytes or more is not summed up', async (t) => {
  const lines = (length: number) => `1000S\n${'1 1\n'.repeat(2000)}`.slice(0, length)
  t.ok(sumOf(lines(MAILDIRSIZE_MAX - 1)))
  t.equal(sumOf(lines(MAILDIRSIZE_MAX)), undefined)
  t.same(read(lines(MAILDIRSIZE_MAX)).limits, { bytes: 1000 })
})

t.test('a file is full if it has one sum of the last 15 minutes', async (t) => {
  const minute = 60_000
  t.ok(mayReportFull({ lines: 1 }, 0, 14 * minute))
  t.notOk(mayReportFull({ lines: 2 }, 0, 0))
  t.notOk(mayReportFull({ lines: 1 }, 0, 15 * minute))
})

const change = fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: -1e4, max: 1e4 }))

t.test('each prefix of a file is read as its complete lines', async (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.nat(), (changes, cut) => {
      const text = `1S\n${changes.map(([bytes, count]) => `${bytes} ${count}\n`).join('')}`
      const part = text.slice(0, cut % (text.length + 1))
      const complete = part.slice(0, part.lastIndexOf('\n') + 1)
      t.same(read(part), read(complete))
      const counted = complete.split('\n').slice(1, -1)
      const bytes = counted.reduce((sum, line) => sum + Number(line.split(' ')[0]), 0)
      const messages = counted.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
      const sound = counted.length > 0 && bytes >= 0 && messages >= 0
      t.equal(sumOf(part), sound ? `${bytes} ${messages}` : undefined)
    }),
    { numRuns: 300 },
  )
})

t.test('random bytes never make the parser throw or return a negative sum', async () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  const likely = fc.string({ unit: fc.constantFrom(...'0123456789SC,- \t\n\0\r'), maxLength: 200 })
  for (const file of [bytes.map((b) => Buffer.from(b)), likely.map((s) => Buffer.from(s))]) {
    fc.assert(
      fc.property(file, (bytes) => {
        const { usage } = parseMaildirsize(bytes)
        return (
          !usage || (Number.isSafeInteger(usage.bytes) && usage.bytes >= 0 && usage.messages >= 0)
        )
      }),
      { numRuns: 1000 },
    )
  }
})
