import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** Names of types in src/: CONTRIBUTING.md has one word for one thing. */

const src = join(import.meta.dirname, '../../src')

/** Names that several types may have, each with the reason. */
const shared: ReadonlyMap<string, string> = new Map([])

t.test('no two types of src/ share a name, exported or not', async (t) => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  const sources = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, readFileSync(join(src, file), 'utf8')] as const)
  const types = typesIn(sources)
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
