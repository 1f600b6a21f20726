import t from 'tap'
import { isThere, namedTests } from './named-tests.ts'

/** The tests that the pages on safety rely on are there, under the names that they give. */

const documents = {
  'doc/why-no-mail-is-lost.md': 30,
  'doc/content-scanner-rules.md': 35,
  'doc/security.md': 60,
}

for (const [document, atLeast] of Object.entries(documents)) {
  const { named, quoted } = namedTests(document)

  t.test(`${document}: each test that is named exists`, async (t) => {
    t.ok(named.length > atLeast, `${named.length} were found`)
    for (const place of named) t.ok(isThere(place), `${place.path}: ${place.name}`)
  })

  t.test(`${document}: no name in quotes behind "Tests" is left out`, async (t) => {
    const known = new Set(named.map(({ name }) => name))
    for (const name of quoted) t.ok(known.has(name), name)
  })
}
