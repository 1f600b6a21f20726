import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../needs.mjs'
import { missing } from './built-in-c.ts'

/** Which file of a program in C uses which, by the symbols of its object files. */

const src = join(import.meta.dirname, '../../src')

for (const program of ['c/onescanc', 'quota/onescan-rcptquota']) {
  t.test(
    `no file of ${program} uses itself through others`,
    { skip: missing || lacks('gcc', 'nm') },
    async (t) => {
      const uses = usesOf(t, program)
      t.ok(uses.size > 3, 'files were found')
      t.ok(
        [...uses.values()].some((others) => others.size > 2),
        'and what they use',
      )
      t.same(filesInCircles(uses), [])
    },
  )
}

t.test('the search for circles finds a circle', async (t) => {
  const uses = new Map([
    ['main.c', new Set(['log.c'])],
    ['log.c', new Set(['fail.c'])],
    ['fail.c', new Set(['log.c'])],
  ])
  t.same(filesInCircles(uses), ['log.c', 'fail.c'])
})

type Uses = ReadonlyMap<string, ReadonlySet<string>>

function usesOf(t: Test, program: string): Uses {
  const out = t.testdir({})
  const files = readdirSync(join(src, program)).filter((name) => name.endsWith('.c'))
  const symbols = files.map((file) => {
    const object = join(out, `${file}.o`)
    const flags = ['-std=c11', '-D_FILE_OFFSET_BITS=64', '-DVERSION="0"']
    execFileSync('gcc', [...flags, '-c', '-o', object, join(src, program, file)])
    return { file, lines: execFileSync('nm', [object], { encoding: 'latin1' }).split('\n') }
  })
  // nm(1): a letter in upper case is a symbol that other files see, U one that they have.
  const named = (lines: readonly string[], kind: RegExp) =>
    lines.flatMap((line) => kind.exec(line)?.[1] ?? [])
  const owners = new Map(
    symbols.flatMap(({ file, lines }) =>
      named(lines, / [A-TV-Z] (\w+)$/).map((name) => [name, file] as const),
    ),
  )
  return new Map(
    symbols.map(({ file, lines }) => {
      const others = named(lines, / U (\w+)$/).flatMap((name) => owners.get(name) ?? [])
      return [file, new Set(others)] as const
    }),
  )
}

/**
 * Takes away the files that use none of the rest, again and again; returns the files that are left.
 */
function filesInCircles(uses: Uses): string[] {
  const left = new Map([...uses].map(([file, others]) => [file, new Set(others)] as const))
  for (;;) {
    const free = [...left].filter(([, others]) => ![...others].some((other) => left.has(other)))
    if (free.length === 0) break
    for (const [file] of free) left.delete(file)
  }
  // What only leads to a circle is in none itself.
  return [...left.keys()].filter((file) => [...left.values()].some((others) => others.has(file)))
}
