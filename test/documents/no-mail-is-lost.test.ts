import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** The tests that doc/why-no-mail-is-lost.md relies on are there, under the names it gives. */

const root = join(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'doc/why-no-mail-is-lost.md'), 'utf8').replace(/\n/g, ' ')

/** `path` followed by names in quotes, up to the next path. */
const claims = [...text.matchAll(/`(test\/[\w./-]+\.test\.ts)`:((?:[,\s]*"[^"]+")+)/g)].flatMap(
  ([, path = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ path, name })),
)

t.test('each test that is named exists', async (t) => {
  t.ok(claims.length > 30, `${claims.length} were found`)
  for (const { path, name } of claims) {
    const source = readFileSync(join(root, path), 'utf8')
    const forms = [`'${name}'`, `"${name}"`, `\`${name}\``]
    t.ok(
      forms.some((form) => source.includes(form)),
      `${path}: ${name}`,
    )
  }
})

t.test('no name in quotes behind "Tests" is left out', async (t) => {
  const quoted = [...text.matchAll(/Tests?, in (.*?)(?= {2}|$)/g)].flatMap(([, names = '']) => [
    ...names.matchAll(/"([^"]{20,})"/g),
  ])
  const known = new Set(claims.map(({ name }) => name))
  for (const [, name = ''] of quoted) t.ok(known.has(name), name)
})
