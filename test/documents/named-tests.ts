import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A test that a document relies on: of a test file, or a case that every door runs (test/cases). */
export interface NamedTest {
  readonly path: string
  readonly name: string
}

/** What a document says behind "Tests, in": a path, and names in quotes up to the next path. */
export function namedTests(document: string): {
  readonly named: readonly NamedTest[]
  /** All names in quotes there: those that stand behind no path would be left out. */
  readonly quoted: readonly string[]
} {
  const text = readFileSync(join(root, document), 'utf8').replace(/\n/g, ' ')
  const named = [...text.matchAll(/`(test\/[\w./-]+\.ts)`:((?:[,\s]*"[^"]+")+)/g)].flatMap(
    ([, path = '', names = '']) =>
      [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ path, name })),
  )
  const quoted = [...text.matchAll(/Tests?, in (.*?)(?= {2}|$)/g)].flatMap(([, names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name),
  )
  return { named, quoted }
}

/** Whether the file has a test of that name, which may be made up of parts in a template. */
export function isThere({ path, name }: NamedTest): boolean {
  const source = readFileSync(join(root, path), 'utf8')
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((form) => source.includes(form))
}
