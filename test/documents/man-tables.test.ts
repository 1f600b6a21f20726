import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPage } from './man-page.ts'
import { generatedManPages } from './man-tables.ts'
import { DESIGN, designPage } from './slot-socket-tables.ts'

for (const [name, text] of generatedManPages()) {
  t.test(`npm run docs changes nothing in ${name}`, async (t) => {
    t.equal(readPage(name), text)
  })
}

t.test(`npm run docs changes nothing in ${DESIGN}`, async (t) => {
  t.equal(readFileSync(join(import.meta.dirname, '../..', DESIGN), 'utf8'), designPage())
})
