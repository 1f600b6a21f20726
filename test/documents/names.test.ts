import { stripTypeScriptTypes } from 'node:module'
import { type Pattern, parse } from 'acorn'
import { full } from 'acorn-walk'
import t from 'tap'
import { FAULT_KINDS } from '../../src/base/errors/fault.ts'
import {
  componentOf,
  readSource,
  type SourceFile,
  sourceFiles,
} from '../../tools/documents/source-files.ts'

/** Names of types and of what is exported in src/: CONTRIBUTING.md has one word for one thing. */

/** Names of exports that are the same act or thing in several components, each with what it is. */
const sameThings: ReadonlyMap<string, string> = new Map([
  ['checkStart', 'reports why a daemon would not start'],
  ['log', 'writes a line to the log of the process'],
  ['optionDefaults', 'the defaults of the options of a program'],
  ['parseCommand', 'reads a command of a protocol'],
  ['readOptions', 'reads the options of a command line'],
  ['usage', 'what a program prints about its command line'],
])

/** Booleans that have the name of a word from outside, each with where it comes from. */
const booleansFromOutside: ReadonlyMap<string, string> = new Map([
  ['again', 'onescan-interfaces(7), and an option of onescan'],
  ['clean', 'onescan-plugin(7)'],
  ['encrypted', 'node:tls'],
  ['end', 'a line of JSON that is this alone'],
  ['infected', 'onescan-plugin(7), and an option of onescan'],
  ['json', 'an option of onescan'],
  ['preview', 'onescan-interfaces(7)'],
  ['released', 'an option of onescan'],
  ['stamp', 'onescan-interfaces(7)'],
])

/** What a comment describes as seconds: `Seconds ...`, or `..., in seconds`. */
const IN_SECONDS =
  /\/\*\*(?=[\s*]*Seconds\b|(?:[^*]|\*(?!\/))*, in seconds\b)(?:[^*]|\*(?!\/))*\*\/\s*(?:(?:export|readonly|const) )*#?(\w+)/g
/** Seconds with a name from outside, each with where it comes from. */
const secondsFromOutside: ReadonlyMap<string, string> = new Map([
  ['age', 'a field of the log'],
  ['delay', 'SMTPDELAY'],
])

/** What declares a boolean: its type, or its first value. */
const BOOLEAN =
  /\b(\w+)(?:\??: boolean|\??(?<=readonly \w+\??): (?:true|false)| = (?:true|false))\b/g
/** `isFull`, `hasLeft`, `mayAsk`, or a verb: `makesStamps`, `closes`. */
const QUESTION =
  /^(?:is|are|has|have|was|were|had|may|can|must|does|should)[A-Z]|^[a-z]+s(?:[A-Z]|$)/

/** Words that do not state what a variable is: doc/development/design.md. */
const vagueWords = ['each', 'how', 'it', 'its', 'one', 'there', 'those']

t.test('no variable or parameter is called `it`, `one`, `each` or the like', async (t) => {
  const variables = sourceFiles.map(({ path, text }) => ({ path, names: variablesOf(text) }))
  t.ok(variables.flatMap(({ names }) => names).length > 10_000, 'the variables were found')
  const wrong = variables.flatMap(({ path, names }) =>
    names.filter((name) => vagueWords.includes(name.toLowerCase())).map((name) => ({ path, name })),
  )
  t.same(wrong, [])
})

t.test('the search finds variables of every form, except of two that are compared', async (t) => {
  const forms = [
    'const it = 1',
    'let a, it',
    'const { it } = a',
    'const { a: it = 1, ...b } = c',
    'const { a, ...it } = b',
    'for (const [, it] of a) a()',
    'function a(it: string) {}',
    'const a = (b: () => void, it = 1) => b()',
    'class A {\n  a(it: string) {}\n}',
    'a(async ([it]) => 1)',
    'try {} catch (it) {}',
  ]
  for (const form of forms) t.ok(variablesOf(form).includes('it'), form)
  t.notOk(variablesOf('a.it({ it: 1, it() {} }, class { it() {} })').includes('it'))
  t.same(variablesOf('a.sort((one, other) => one - other)'), ['other'])
  t.same(variablesOf('a((one) => (other) => 1)').toSorted(), ['one', 'other'])
})

t.test('the name of a boolean is a question or a verb, unless it comes from outside', async (t) => {
  const found = sourceFiles.flatMap(({ path, text }) =>
    [...text.matchAll(BOOLEAN)].map(([, name]) => ({ path, name: name! })),
  )
  t.ok(found.length > 300, `${found.length} were found`)
  const wrong = found.filter(({ name }) => !QUESTION.test(name) && !booleansFromOutside.has(name))
  t.same(wrong, [])
  for (const name of booleansFromOutside.keys()) {
    t.ok(found.some((other) => other.name === name), `${name} is there`) // biome-ignore format: a line
  }
})

t.test('a duration in a message is written by formatDuration alone', async (t) => {
  for (const { path, text } of sourceFiles) {
    if (path === 'base/text/units.ts') continue
    // The settings of mail servers write a number and its unit without a blank: `90s`.
    const own =
      text.match(/\$\{[^{}]*\}(?: |(?!\w+`\)))(?:ms|s|min|seconds|minutes|hours|days)\b/g) ?? []
    t.same(own, [], path)
  }
})

t.test('the name of a duration in seconds shows them', async (t) => {
  const found = sourceFiles.flatMap(({ path, text }) =>
    [...text.matchAll(IN_SECONDS)].map(([, name]) => ({ path, name: name! })),
  )
  t.ok(found.length > 15, `${found.length} were found`)
  const wrong = found.filter(({ name }) => !/seconds/i.test(name) && !secondsFromOutside.has(name))
  t.same(wrong, [])
  for (const name of secondsFromOutside.keys()) {
    t.ok(found.some((other) => other.name === name), `${name} is there`) // biome-ignore format: a line
  }
})

t.test('a comment that names the kind of a fault names one of the table', async (t) => {
  const named = sourceFiles.flatMap(({ path, text }) => {
    const words = text.replaceAll(/\n\s*(?:\*|\/\/) ?/g, ' ')
    return [...words.matchAll(/\bkind `([^`]+)`/g)].map(([, kind]) => ({ path, kind: kind! }))
  })
  t.ok(named.length > 80, `${named.length} were found`)
  const kinds: readonly string[] = FAULT_KINDS
  t.same(named.filter(({ kind }) => !kinds.includes(kind)), []) // biome-ignore format: a line
})

t.test('no two types of src/ share a name, exported or not', async (t) => {
  const types = placesOf(sourceFiles, typesOf)
  t.ok(types.size > 500, 'the types were found')
  const several = [...types].filter(([, places]) => places.length > 1)
  t.same(Object.fromEntries(several), {})
})

t.test('exports of src/ share a name only if they are the same act or thing', async (t) => {
  const exported = placesOf(sourceFiles, ownExportsOf)
  t.ok(exported.size > 500, 'the exports were found')
  const several = [...exported].filter(([name, files]) => files.length > 1 && !sameThings.has(name))
  t.same(Object.fromEntries(several), {})
  for (const name of sameThings.keys()) {
    t.ok((exported.get(name)?.length ?? 0) > 1, `${name} is there once`)
  }
})

t.test(
  'no file has a private name that others of its component know as an exported one',
  async (t) => {
    const known = placesOf(sourceFiles, ({ exports, uses }) => [
      ...new Set([...exports, ...uses.map(({ name }) => name)]),
    ])
    const own = sourceFiles.flatMap(({ path, privates }) =>
      privates.map((name) => ({ path, name })),
    )
    t.ok(own.length > 1000, 'the private names were found')
    const misleading = own.filter(({ path, name }) =>
      known.get(name)?.some((other) => other !== path && componentOf(other) === componentOf(path)),
    )
    t.same(misleading, [])
  },
)

/** Private names of several files of the reading of mail that mean the same. */
const sameInReading: ReadonlyMap<string, string> = new Map([
  ['open', 'opens a container, for the table of containers'],
])

t.test('no private name of src/mail/mime/ occurs twice, unless it means the same', async (t) => {
  const own = placesOf(
    sourceFiles.filter(({ path }) => path.startsWith('mail/mime/')),
    ({ privates }) => privates,
  )
  t.ok(own.size > 400, 'the private names were found')
  const several = [...own].filter(([name, files]) => files.length > 1 && !sameInReading.has(name))
  t.same(Object.fromEntries(several), {})
  for (const name of sameInReading.keys()) {
    t.ok((own.get(name)?.length ?? 0) > 1, `${name} is there once`)
  }
})

t.test('the search finds types of one name of every form', async (t) => {
  const forms = [
    'interface Reply {',
    'export interface Reply {',
    'interface Reply\n  extends Readonly<Answer> {',
    'export type Reply<Value> = Value',
    'class Reply {',
    'export abstract class Reply {',
    'declare class Reply {',
  ]
  for (const form of forms) t.same(typesOf(readSource('b.ts', `const x = 1\n${form}\n`)), ['Reply'])
  const others = 'import { type Reply } from "./a.ts"\nconst Reply = 1\n  type Reply = 2\n'
  t.same(typesOf(readSource('c.ts', others)), [], 'imports, values and types in functions')
})

t.test('the search finds exports of every form, and overloads once', async (t) => {
  const forms = [
    'export function send(): void {',
    'export function send(a: 1): void\nexport function send(a: 2): void\n',
    'export async function send(): Promise<void> {',
    'export async function* send() {',
    'export function* send<Value>() {',
    'export class send {',
    'export abstract class send {',
    'export const send = 1',
    'export const send: () => void = () => {}',
    'export const send =',
    'export { deliver as send }',
  ]
  for (const form of forms) t.same(readSource('b.ts', `${form}\n`).exports, ['send'], form)
  const others = 'function send() {\n  export function send() {\nconst send = 1\n'
  t.same(readSource('c.ts', others).exports, [], 'private functions and values do not count')
})

t.test('the search finds private functions and values of every form', async (t) => {
  const forms = [
    'function send(): void {',
    'async function send(): Promise<void> {',
    'async function* send() {',
    'const send = 1',
    'const send: () => void = () => {}',
    'let send = 1',
  ]
  for (const form of forms) t.same(readSource('b.ts', `${form}\n`).privates, ['send'], form)
  const others = 'export function send() {\n  const send = 1\nexport const send = 1\nclass send {\n'
  t.same(readSource('c.ts', others).privates, [], 'exports, and what stands in functions')
})

function typesOf({ types, classes }: SourceFile): readonly string[] {
  return [...types, ...classes]
}

/** The names of variables and parameters of a text, without `one` if it is declared together with `other`. */
function variablesOf(text: string): readonly string[] {
  const script = stripTypeScriptTypes(text)
  const names: string[] = []
  const note = (patterns: readonly Pattern[]) => {
    const declared = patterns.flatMap(namesIn)
    names.push(...declared.filter((name) => name !== 'one' || !declared.includes('other')))
  }
  full(parse(script, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    if (node.type === 'VariableDeclarator') note([node.id])
    else if ('params' in node) note(node.params)
    else if (node.type === 'CatchClause' && node.param) note([node.param])
  })
  return names
}

/** The names that a pattern declares: `a`, `b` and `c` of `{ a, as: [b, ...c] }`. */
function namesIn(pattern: Pattern): readonly string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => (element ? namesIn(element) : []))
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        namesIn(property.type === 'RestElement' ? property : property.value),
      )
    case 'RestElement':
      return namesIn(pattern.argument)
    case 'AssignmentPattern':
      return namesIn(pattern.left)
    case 'MemberExpression':
      return []
  }
}

/** What a file exports of its own, and not of another one. */
function ownExportsOf({ exports, uses }: SourceFile): readonly string[] {
  return exports.filter((name) => !uses.some((used) => used.name === name))
}

/** Names, each with the files that have it. */
function placesOf(
  sources: readonly SourceFile[],
  namesIn: (source: SourceFile) => readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>()
  for (const source of sources) {
    for (const name of namesIn(source)) places.set(name, [...(places.get(name) ?? []), source.path])
  }
  return places
}
