import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EVIDENCE, evidencePage } from './evidence.ts'
import { PAGE_WITH_TABLES, pageWithTables } from './man-tables.ts'
import { SETTINGS, settingsPage } from './settings-page.ts'

/** Writes the pages that the code knows: `npm run docs`. */

const root = join(import.meta.dirname, '../..')
const settings = join(root, SETTINGS)
writeFileSync(join(root, EVIDENCE), evidencePage())
writeFileSync(join(root, 'man', PAGE_WITH_TABLES), pageWithTables())
writeFileSync(settings, settingsPage(readFileSync(settings, 'utf8')))
