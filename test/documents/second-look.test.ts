import t from 'tap'
import { oddities } from '../../src/mime/oddities.ts'
import { readPage, section } from './man-page.ts'

t.test('onescan-queue(8) has the oddities of the program, in its order', async (t) => {
  const text = section(readPage('onescan-queue.8'), 'ODD MAIL')
  const written = [...text.matchAll(/^\.It ([a-z0-9-]+)\n(.*)\.$/gm)]
  t.same(
    written.map(([, name, what]) => [name, what!.toLowerCase()]),
    Object.entries(oddities).map(([name, what]) => [name, what.toLowerCase()]),
  )
})
