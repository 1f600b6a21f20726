import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EVIDENCE, evidencePage } from './evidence.ts'
import { generatedManPages } from './man-tables.ts'

/** Writes what pages have from the code: `npm run docs`. */

const root = join(import.meta.dirname, '../..')
writeFileSync(join(root, EVIDENCE), evidencePage())
for (const [name, text] of generatedManPages()) writeFileSync(join(root, 'man', name), text)
