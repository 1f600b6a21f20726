import t from 'tap'
import { passwdEntries, passwdEntryOf, userName } from '../../../src/base/process/passwd.ts'

const text =
  'root:x:0:0::/root:/bin/sh\n\nann:x:1000:100:Ann,B:/home/ann:\n:x:3:3::/:\nann:x:7:7::/a:\n'

t.test('entries come in their order, and lines without a name are left out', async (t) => {
  const ann = { name: 'ann', uid: 1000, gid: 100, home: '/home/ann' }
  t.same(
    [...passwdEntries(text)],
    [
      { name: 'root', uid: 0, gid: 0, home: '/root' },
      ann,
      { name: 'ann', uid: 7, gid: 7, home: '/a' },
    ],
  )
  t.same(passwdEntryOf('ann', text), ann)
  t.equal(passwdEntryOf('an', text), undefined)
  t.equal(passwdEntryOf('', text), undefined)
})

t.test('a missing user id is not taken for 0, which is root', async (t) => {
  for (const line of ['bob', 'bob:', 'bob:x', 'bob:x::', 'bob:x:x:-1', 'bob:x: :0x0']) {
    const entry = passwdEntryOf('bob', `${line}:\n`)
    t.match([entry?.uid, entry?.gid], [Number.NaN, Number.NaN], line)
  }
})

t.test('a user of this host has a name', async (t) => {
  t.equal(userName(0), 'root')
  t.equal(passwdEntryOf('root')?.uid, 0)
  t.equal(userName(4_000_000_000), undefined)
})
