import t from 'tap'
import { readPage } from './man-page.ts'
import { PAGE_WITH_TABLES, pageWithTables } from './man-tables.ts'

t.test('onescan-queue(8) has the exit codes and odd forms of mail of the program', async (t) => {
  t.equal(readPage(PAGE_WITH_TABLES), pageWithTables(), 'npm run docs changes nothing')
})
