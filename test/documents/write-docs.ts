import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EVIDENCE, evidencePage } from './evidence.ts'

/** Writes the pages that the code knows: `npm run docs`. */

writeFileSync(join(import.meta.dirname, '../..', EVIDENCE), evidencePage())
