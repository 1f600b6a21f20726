import t from 'tap'
import { isSetting, settingTable } from '../../../src/base/settings/table.ts'
import { textInC } from '../../c/built-in-c.ts'
import { items, readPage, section } from '../../documents/man-page.ts'
import { source } from './program.ts'

/** The program in C, held against its page and the other client. */

const text = textInC(source)
const read = [...text.matchAll(/\b(?:getenv|setting|number|is_word|attribute)\("([A-Z_]+)"/g)].map(
  ([, n]) => n!,
)

t.test('onescan-rcptquota(8) has every variable that it reads, and no other', async (t) => {
  const named = items(section(readPage('onescan-rcptquota.8'), 'ENVIRONMENT')).flatMap(([tag]) => {
    return (/^Ev (.*)$/.exec(tag)?.[1] ?? '').split(' , ')
  })
  t.ok(read.length > 10)
  t.same(named.sort(), [...new Set(read)].sort())
})

t.test('the table of settings has those that it reads', async (t) => {
  t.same(
    read.filter((name) => name.startsWith('QUOTA') && !isSetting(name)),
    [],
  )
  const own = Object.entries(settingTable).filter(([, { readers }]) =>
    readers.includes('onescan-rcptquota'),
  )
  t.same(
    own.map(([name]) => name).filter((name) => !read.includes(name)),
    [],
  )
})
