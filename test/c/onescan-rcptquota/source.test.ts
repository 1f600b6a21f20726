import t from 'tap'
import { items, readPage, section } from '../../documents/man-page.ts'
import { textInC } from '../built-in-c.ts'
import { source } from './program.ts'

/** The program in C, held against its page and the other client. */

const text = textInC(source)

t.test('onescan-rcptquota(8) has every variable that it reads, and no other', async (t) => {
  const read = [...text.matchAll(/\b(?:getenv|setting|number|attribute)\("([A-Z_]+)"/g)].map(
    ([, n]) => n!,
  )
  const named = items(section(readPage('onescan-rcptquota.8'), 'ENVIRONMENT')).flatMap(([tag]) => {
    return (/^Ev (.*)$/.exec(tag)?.[1] ?? '').split(' , ')
  })
  t.ok(read.length > 10)
  t.same(named.sort(), [...new Set(read)].sort())
})
