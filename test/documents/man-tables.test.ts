import t from 'tap'
import { readPage } from './man-page.ts'
import { generatedManPages } from './man-tables.ts'

for (const [name, text] of generatedManPages()) {
  t.test(`npm run docs changes nothing in ${name}`, async (t) => {
    t.equal(readPage(name), text)
  })
}
