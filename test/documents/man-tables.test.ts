import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BENCHMARK, benchmarkPage } from './benchmark-tables.ts'
import { C_TABLES, cTables } from './c-tables.ts'
import { readPage } from './man-page.ts'
import { generatedManPages } from './man-tables.ts'
import { SLOT_PROTOCOL, slotProtocolPage } from './slot-protocol.ts'

for (const [name, text] of generatedManPages()) {
  t.test(`npm run docs changes nothing in ${name}`, async (t) => {
    t.equal(readPage(name), text)
  })
}

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')

t.test(`npm run docs changes nothing in ${BENCHMARK}`, async (t) => {
  t.equal(read(BENCHMARK), benchmarkPage())
})

t.test(`npm run docs changes nothing in ${SLOT_PROTOCOL}`, async (t) => {
  t.equal(read(SLOT_PROTOCOL), slotProtocolPage())
})

t.test(`npm run docs changes nothing in ${C_TABLES}`, async (t) => {
  t.equal(read(C_TABLES), cTables())
})
