import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** The files that comments of src/ and doc/development/design.md name. */

const root = join(import.meta.dirname, '../..')
const inSource = globSync('src/**/*.{ts,c}', { cwd: root }).sort()
const inTests = globSync('{test,tools}/**/*.{ts,c}', { cwd: root })

/** Files of other programs, which comments name as the source of what they state. */
const ofOthers: ReadonlySet<string> = new Set([
  'cleanup_milter.c',
  'qhpsi.c',
  'qmail.c',
  'readdb.c',
  'scanner.c',
  'server-th.c',
  'session.c',
  'untar.c',
  'unzip.c',
])

t.test('a file that a comment of src/ names exists, and no other one is meant', async (t) => {
  const named = inSource.flatMap((path) =>
    namesIn(commentsOf(read(path))).map((name) => ({ path, name })),
  )
  t.ok(named.length > 30, 'the names were found')
  t.same(
    named.filter(({ path, name }) => !ofOthers.has(name) && !isFound(name, path)),
    [],
  )
})

t.test('a file that doc/development/design.md names exists, too', async (t) => {
  const lines = read('doc/development/design.md').split('\n')
  const named = lines.flatMap((line) => {
    const [, folder = 'src/'] = /^\| `(src\/[\w/-]*)`/.exec(line) ?? []
    return namesIn(line).map((name) => ({ folder, name }))
  })
  t.ok(named.length > 30, 'the names were found')
  t.same(
    named.filter(({ folder, name }) => !name.includes('NAME') && !isFound(name, `${folder}x`)),
    [],
  )
})

t.test('names are found in comments alone, and are those of one file', async (t) => {
  const text =
    "/** See a.ts. */\nimport b from './b.ts' // (c/d.c)\n/*\n * f.ts, a.b.c, -g.ts\n */\n"
  t.same(namesIn(commentsOf(text)), ['a.ts', 'c/d.c', 'f.ts'])
  const from = 'src/mail/message/message.ts'
  t.ok(isFound('header-block.ts', from), 'in the same folder')
  t.ok(isFound('daemon/sweeps.ts', from), 'below src/')
  t.notOk(isFound('mail/sweeps.ts', from), 'in another folder')
  t.notOk(isFound('release.ts', from), 'two files')
  t.ok(isFound('release.ts', 'src/scan/quarantine/keep.ts'), 'the nearest of two files')
})

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function commentsOf(text: string): string {
  const comments = text.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*$/gm) ?? []
  return comments.join('\n')
}

function namesIn(text: string): string[] {
  const names = text.matchAll(/(?<![\w./*-])[\w-]+(?:\/[\w-]+)*\.(?:ts|c)\b(?![\w(/-]|\.\w)/g)
  return [...names].map(([name]) => name).filter((name) => !name.startsWith('-'))
}

/**
 * Whether a file that `from` names exists: in the same folder, or as the only one of src/, or else as one of the
 * tests or tools, whose path ends so.
 */
function isFound(name: string, from: string): boolean {
  if (inSource.includes(join(from, '..', name))) return true
  const isNamed = (path: string) => path === name || path.endsWith(`/${name}`)
  const found = inSource.filter(isNamed)
  return found.length === 0 ? inTests.some(isNamed) : found.length === 1
}
