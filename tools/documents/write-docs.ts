import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCHMARK, benchmarkPage } from './benchmark-tables.ts'
import { C_TABLES, cTables } from './c-tables.ts'
import { FAULTS, faultsPage } from './faults.ts'
import { HOST_RESULTS, hostResultsPage } from './host-results.ts'
import { generatedManPages } from './man-tables.ts'
import { PROTOCOL_LIMITS, protocolLimitsPage } from './protocol-limits.ts'
import { SLOT_PROTOCOL, slotProtocolPage } from './slot-protocol.ts'
import { STAMP_FORMAT, stampFormatPage } from './stamp-format.ts'

/** Writes what pages and the programs in C have from the code: `npm run docs`. */

const root = join(import.meta.dirname, '../..')
writeFileSync(join(root, FAULTS), faultsPage())
writeFileSync(join(root, HOST_RESULTS), hostResultsPage())
writeFileSync(join(root, BENCHMARK), benchmarkPage())
writeFileSync(join(root, PROTOCOL_LIMITS), protocolLimitsPage())
writeFileSync(join(root, SLOT_PROTOCOL), slotProtocolPage())
writeFileSync(join(root, STAMP_FORMAT), stampFormatPage())
writeFileSync(join(root, C_TABLES), cTables())
for (const [name, text] of generatedManPages()) writeFileSync(join(root, 'man', name), text)
