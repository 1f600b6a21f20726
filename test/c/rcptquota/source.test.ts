import t from 'tap'
import { NAME_MAX } from '../../../src/quota/ask/mailbox-name.ts'
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

t.test('a name may be as long as the other client allows', async (t) => {
  t.match(text, new RegExp(`\\bNAME_SIZE_MAX = ${NAME_MAX}\\b`))
})
