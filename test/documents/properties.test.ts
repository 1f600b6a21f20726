import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROPERTIES } from '../../src/lib/settings/table/scanning.ts'
import { properties } from '../../src/scan/scanners/shared/properties.ts'

/** The table of properties in doc/operate.md, against the code. */

const page = readFileSync(join(import.meta.dirname, '../../doc/operate.md'), 'utf8')

t.test('the page has each property, with its word and reply', async (t) => {
  const [, text = ''] = /^## Findings that are not viruses\n([\s\S]*?)^The reply/m.exec(page) ?? []
  const [, , ...rows] = [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(' | '))
  const named = rows.map(([, property]) => property?.replace(/^`(.*)`$/, '$1'))
  t.same(named, PROPERTIES)
  for (const [index, property] of PROPERTIES.entries()) {
    const [names = '', , reply] = rows[index]!.map((cell) => cell.replace(/^`(.*)`$/, '$1'))
    const { names: isNamed, because } = properties[property]
    t.match(names.replace('*', '.Some'), isNamed)
    t.equal(reply, because)
  }
})
