import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Names of types and of what is exported in src/: doc/terms.md has one word for one thing. */

const src = join(import.meta.dirname, '../../src')

/** Names that several types may have, each with the reason. */
const shared: ReadonlyMap<string, string> = new Map([])

/** Names of exports that are the same act or thing in several rooms, each with what it is. */
const sameThings: ReadonlyMap<string, string> = new Map([
  ['carryOut', 'does at a door what a decision says'],
  ['CONNECTIONS_MAX', 'the most connections that a door keeps at once'],
  ['checkStart', 'tells why a daemon would not start'],
  ['defaultTimeouts', 'how long a door waits for each of its two sides'],
  ['log', 'writes a line to the log of the process'],
  ['openConnection', 'connects to a server'],
  ['optionDefaults', 'the defaults of the options of a program'],
  ['parseCommand', 'reads a command of a protocol'],
  ['passOn', 'delivers the accepted message'],
  ['readOptions', 'reads the options of a command line'],
  ['text', 'describes a setting, or an option of a command, whose value is a text'],
  ['uint32', 'writes numbers as bytes of a protocol'],
  ['usage', 'what a program says about its command line'],
])

t.test('no two types of src/ share a name, exported or not', async (t) => {
  const types = typesIn(readSources())
  t.ok(types.size > 500, 'the types were found')
  const several = [...types].filter(([name, places]) => places.length > 1 && !shared.has(name))
  t.same(Object.fromEntries(several), {})
  for (const name of shared.keys()) t.ok((types.get(name)?.length ?? 0) > 1, `${name} is one type`)
})

t.test('the search finds types of one name of every form', async (t) => {
  const forms = [
    'interface Reply {',
    'export interface Reply {',
    'export type Reply<Value> = Value',
    'class Reply {',
    'export abstract class Reply {',
    'declare class Reply {',
  ]
  for (const form of forms) {
    t.same(
      typesIn([
        ['a.ts', 'export type Reply = string\n'],
        ['b.ts', `const x = 1\n${form}\n`],
      ]).get('Reply'),
      ['a.ts', 'b.ts'],
      form,
    )
  }
  const others = 'import { type Reply } from "./a.ts"\nconst Reply = 1\n  type Reply = 2\n'
  t.equal(
    typesIn([['c.ts', others]]).size,
    0,
    'imports, values and types in functions do not count',
  )
})

t.test('exports of src/ share a name only if they are the same act or thing', async (t) => {
  const exported = exportsIn(readSources())
  t.ok(exported.size > 500, 'the exports were found')
  const several = [...exported].filter(([name, files]) => files.size > 1 && !sameThings.has(name))
  t.same(
    several.map(([name, files]) => `${name}: ${[...files].join(', ')}`),
    [],
  )
  for (const name of sameThings.keys()) {
    t.ok((exported.get(name)?.size ?? 0) > 1, `${name} is there once`)
  }
})

t.test('the search finds exports of one name of every form, and overloads once', async (t) => {
  const forms = [
    'export function send(): void {',
    'export async function send(): Promise<void> {',
    'export async function* send() {',
    'export function* send<Value>() {',
    'export class send {',
    'export abstract class send {',
    'export const send = 1',
    'export const send: () => void = () => {}',
    'export const send =',
  ]
  for (const form of forms) {
    const files = exportsIn([
      ['a.ts', 'export function send(a: 1): void\nexport function send(a: 2): void\n'],
      ['b.ts', `${form}\n`],
    ]).get('send')
    t.same([...(files ?? [])], ['a.ts', 'b.ts'], form)
  }
  const others =
    'function send() {\n  export function send() {\nconst send = 1\nexport { send } from "a"\n'
  t.equal(exportsIn([['c.ts', others]]).size, 0, 'private functions and values do not count')
})

function readSources(): (readonly [file: string, text: string])[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, readFileSync(join(src, file), 'utf8')] as const)
}

/** Finds the functions, classes and constants that files export, each name with its files. */
function exportsIn(
  sources: readonly (readonly [file: string, text: string])[],
): Map<string, Set<string>> {
  const declaration =
    /^export (?:async )?(?:abstract )?(?:function\*?|class|const) ([A-Za-z_$][\w$]*)/gm
  const exported = new Map<string, Set<string>>()
  for (const [file, text] of sources) {
    for (const [, name] of text.matchAll(declaration)) {
      exported.set(name!, (exported.get(name!) ?? new Set()).add(file))
    }
  }
  return exported
}

/** Finds the types that files declare at their top level, each name with its files. */
function typesIn(
  sources: readonly (readonly [file: string, text: string])[],
): Map<string, readonly string[]> {
  const declaration =
    /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|enum) ([A-Za-z_$][\w$]*)\b(?!.* from )/gm
  const types = new Map<string, readonly string[]>()
  for (const [file, text] of sources) {
    for (const [, name] of text.matchAll(declaration)) {
      types.set(name!, [...(types.get(name!) ?? []), file])
    }
  }
  return types
}
