import t from 'tap'
import { troubleLog } from '../../src/quota/quotad-log.ts'

t.test('trouble with a mailbox is logged once in ten minutes', async (t) => {
  let now = 1000
  const logged: string[] = []
  const trouble = troubleLog(
    (...entries) => logged.push(entries.map((entry) => entry.join('=')).join(' ')),
    () => now,
  )
  const reason = 'EACCES'
  const ann = 'event=unreadable what=/ann reason=EACCES'
  for (let n = 0; n < 3; n++) trouble({ place: '/ann', reason })
  trouble({ place: '/ann', reason: 'EIO' })
  t.same(logged, [ann, 'event=unreadable what=/ann reason=EIO'])
  now += 10 * 60 * 1000
  trouble({ place: '/ann', reason })
  t.equal(logged.length, 2)
  now += 1
  trouble({ place: '/ann', reason })
  t.same(logged.slice(2), [ann])
  now += 10 * 60 * 1000
  trouble({ place: '/ann', reason })
  t.equal(logged.length, 3, 'from then on')
})

t.test('mailboxes beyond a thousand are logged in one line', async (t) => {
  const logged: unknown[] = []
  const trouble = troubleLog(
    (...entries) => logged.push(entries),
    () => 0,
  )
  for (let n = 0; n < 1100; n++) trouble({ place: `/mail/${n}`, reason: 'EIO' })
  t.equal(logged.length, 1001)
  t.match(logged.at(-1), [
    ['event', 'unreadable'],
    ['reason', /^more than 1000 mailboxes/],
  ])
})
