import t from 'tap'
import { BENCHMARK, benchmarkPage } from '../../tools/documents/benchmark-tables.ts'
import { C_TABLES, cTables } from '../../tools/documents/c-tables.ts'
import { FAULTS, faultsPage } from '../../tools/documents/faults.ts'
import { generatedManPages } from '../../tools/documents/man-tables.ts'
import { PROTOCOL_LIMITS, protocolLimitsPage } from '../../tools/documents/protocol-limits.ts'
import { SLOT_PROTOCOL, slotProtocolPage } from '../../tools/documents/slot-protocol.ts'
import { STAMP_FORMAT, stampFormatPage } from '../../tools/documents/stamp-format.ts'
import { readPage } from './man-page.ts'
import { readMarkdown } from './markdown-page.ts'

for (const [name, text] of generatedManPages()) {
  t.test(`npm run docs changes nothing in ${name}`, async (t) => {
    t.equal(readPage(name), text)
  })
}

for (const [path, generate] of [
  [BENCHMARK, benchmarkPage],
  [FAULTS, faultsPage],
  [PROTOCOL_LIMITS, protocolLimitsPage],
  [SLOT_PROTOCOL, slotProtocolPage],
  [STAMP_FORMAT, stampFormatPage],
  [C_TABLES, cTables],
] as const) {
  t.test(`npm run docs changes nothing in ${path}`, async (t) => {
    t.equal(readMarkdown(path), generate())
  })
}
