import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BENCHMARK, benchmarkPage } from '../../tools/documents/benchmark-tables.ts'
import { C_TABLES, cTables } from '../../tools/documents/c-tables.ts'
import { FAULTS, faultsPage } from '../../tools/documents/faults.ts'
import { HOST_RESULTS, hostResultsPage } from '../../tools/documents/host-results.ts'
import { generatedManPages } from '../../tools/documents/man-tables.ts'
import { PROTOCOL_LIMITS, protocolLimitsPage } from '../../tools/documents/protocol-limits.ts'
import { SLOT_PROTOCOL, slotProtocolPage } from '../../tools/documents/slot-protocol.ts'
import { STAMP_FORMAT, stampFormatPage } from '../../tools/documents/stamp-format.ts'
import { lacks } from '../needs.mjs'
import { readPage } from './man-page.ts'
import { readMarkdown } from './markdown-page.ts'

const root = join(import.meta.dirname, '../..')

for (const [name, text] of generatedManPages()) {
  t.test(`npm run docs changes nothing in ${name}`, async (t) => {
    t.equal(readPage(name), text)
  })
}

for (const [path, generate] of [
  [BENCHMARK, benchmarkPage],
  [FAULTS, faultsPage],
  [HOST_RESULTS, hostResultsPage],
  [PROTOCOL_LIMITS, protocolLimitsPage],
  [SLOT_PROTOCOL, slotProtocolPage],
  [STAMP_FORMAT, stampFormatPage],
  [C_TABLES, cTables],
] as const) {
  t.test(`npm run docs changes nothing in ${path}`, async (t) => {
    t.equal(readMarkdown(path), generate())
  })
}

t.test(
  'the tables of the manuals fit into 80 columns, as man(1) formats them',
  { skip: lacks('groff') },
  async (t) => {
    const pages = globSync('man/*.*', { cwd: root })
    t.ok(pages.length >= 14)
    for (const page of pages) {
      const words = ['-mandoc', '-Tutf8', '-rLL=78n', '-wbreak', page]
      const { status, stderr } = spawnSync('groff', words, { cwd: root, encoding: 'utf8' })
      t.same({ status, stderr }, { status: 0, stderr: '' }, page)
    }
  },
)
