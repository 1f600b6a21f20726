import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'

/** The files and names that comments of src/, its READMEs, and pages for contributors name. */

const root = join(import.meta.dirname, '../..')
const inSource = globSync('src/**/*.{ts,c}', { cwd: root }).sort()
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*$/gm
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

t.test('the tab of an editor shows which TypeScript file of src/ it is', async (t) => {
  const names = inSource.filter((path) => path.endsWith('.ts')).map((path) => basename(path))
  t.same(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
})

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

t.test('a file that the design or the README of a box names exists, too', async (t) => {
  const pages = ['design', 'testing', 'release', 'second-look'].map((name) => ({
    page: `doc/development/${name}.md`,
    folder: 'src/',
  }))
  const ofBoxes = globSync('src/*/README.md', { cwd: root }).map((page) => ({
    page,
    folder: page.replace('README.md', ''),
  }))
  const named = [...pages, ...ofBoxes].flatMap(({ page, folder }) =>
    read(page)
      .split('\n')
      .flatMap((line) => {
        const [, below = ''] = /^\| `([\w/-]+\/)`/.exec(line) ?? []
        return namesIn(line).map((name) => ({ page, name, from: `${folder}${below}x` }))
      }),
  )
  t.ok(named.length > 100, 'the names were found')
  t.same(
    named.filter(({ name, from }) => !name.includes('NAME') && !isFound(name, from)),
    [],
  )
})

t.test('a file that doc/development/reading-mail.md names exists, too', async (t) => {
  const named = namesIn(read('doc/development/reading-mail.md'))
  t.ok(named.length > 30, 'the names were found')
  t.same(
    named.filter((name) => !isFound(name, 'src/mail/mime/x')),
    [],
  )
})

/** Names of other programs and examples of values, which comments of src/ have in backticks. */
const noIdentifiers: ReadonlySet<string> = new Set([
  'ESERVFAIL',
  'ann',
  'console',
  'hopcount_limit',
  'z',
])

t.test(
  'a name in backticks in a comment of src/ is in that file, or all of src/ knows it',
  async (t) => {
    const sources = inSource.map((path) => ({ path, text: read(path) }))
    const known = new Set(sources.flatMap(({ text }) => publicNamesIn(withoutComments(text))))
    const quoted = sources.flatMap(({ path, text }) => {
      const own = new Set(withoutComments(text).match(/[\w$]+/g))
      const names = quotedNamesIn(commentsOf(text))
      return names.map((name) => ({ path, name, isThere: own.has(name) || known.has(name) }))
    })
    t.ok(quoted.length > 500, 'the names were found')
    const missing = quoted.filter(({ isThere }) => !isThere)
    t.same(
      missing.filter(({ name }) => !noIdentifiers.has(name)),
      [],
    )
    t.same([...new Set(missing.map(({ name }) => name))].sort(), [...noIdentifiers])
  },
)

t.test('an identifier in backticks is found, and other code is not', async (t) => {
  const text = "/** `a` is\n * `b\n * c`, `d()` and `e f`. */\nexport const g = 'h' // `i`\n"
  t.same(quotedNamesIn(commentsOf(text)), ['a', 'd', 'i'])
  t.same(publicNamesIn(withoutComments(text)), ['g', 'h'])
})

t.test('names are found in comments alone, and are those of one file', async (t) => {
  const text =
    "/** See a.ts. */\nimport b from './b.ts' // (c/d.c)\n/*\n * f.ts, a.b.c, -g.ts\n */\n"
  t.same(namesIn(commentsOf(text)), ['a.ts', 'c/d.c', 'f.ts'])
  const from = 'src/mail/message/message.ts'
  t.ok(isFound('header-block.ts', from), 'in the same folder')
  t.ok(isFound('scanner/daemon/sweeps.ts', from), 'below src/')
  t.notOk(isFound('mail/sweeps.ts', from), 'in another folder')
  t.notOk(isFound('main.c', from), 'two files')
  t.ok(isFound('main.c', 'src/c/onescanc/ask.c'), 'the nearest of two files')
})

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function commentsOf(text: string): string {
  return (text.match(COMMENTS) ?? []).join('\n')
}

function withoutComments(text: string): string {
  return text.replace(COMMENTS, ' ')
}

/** The identifiers in backticks, such as `name` or `name()`. */
function quotedNamesIn(comments: string): string[] {
  const quoted = comments.replace(/\n\s*\* ?/g, ' ').matchAll(/`([^`]+)`/g)
  return [...quoted].flatMap(([, code]) => /^([A-Za-z_$][\w$]*)(?:\(\))?$/.exec(code!)?.[1] ?? [])
}

/** The names that other files know: exports, and words in quotes. */
function publicNamesIn(code: string): string[] {
  const exported = code.matchAll(
    /^export (?:async |abstract |declare )*(?:function\*?|class|const|type|interface) ([\w$]+)/gm,
  )
  const quoted = code.matchAll(/['"`]([\w$]+)['"`]/g)
  return [...exported, ...quoted].map(([, name]) => name!)
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
