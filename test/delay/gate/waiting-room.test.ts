import t from 'tap'
import type { Visit } from '../../../src/delay/gate/visit.ts'
import { WaitingRoom } from '../../../src/delay/gate/waiting-room.ts'

/** The waiting room of the gate: when it is full, and who makes room for a newcomer. */

const visit = (name: string) =>
  ({ ip: name, rank: undefined, before: undefined, behind: undefined }) as unknown as Visit

t.test('a room is full with as many as it may hold, until one leaves', async (t) => {
  const room = new WaitingRoom(2)
  const [a, b] = [visit('a'), visit('b')]
  room.enter(a)
  t.equal(room.isFull, false)
  room.enter(b)
  t.equal(room.isFull, true)
  t.same(room.all().map(({ ip }) => ip), ['a', 'b']) // biome-ignore format: a line
  room.leave(a)
  room.leave(a)
  t.equal(room.isFull, false)
  t.equal(room.size, 1)
  t.equal(a.rank, undefined)
})

t.test('the worst client makes room first, of one rank who came to it last', async (t) => {
  const room = new WaitingRoom(10)
  const visits = [
    'other',
    'dynamic',
    'dynamic',
    'nameless',
    'talked',
    'nameless',
    'talked',
  ] as const
  const all = visits.map((rank, n) => ({ rank, visit: visit(`${rank} ${n}`) }))
  for (const { visit } of all) room.enter(visit)
  t.equal(room.worst(), undefined, 'nobody is worse than a stranger')
  for (const { rank, visit } of all) room.setRank(visit, rank)
  const left: string[] = []
  for (let worst = room.worst(); worst !== undefined; worst = room.worst()) {
    left.push(worst.ip)
    room.leave(worst)
  }
  t.same(left, ['talked 6', 'talked 4', 'nameless 5', 'nameless 3', 'dynamic 2', 'dynamic 1'])
  t.same(room.all().map(({ ip }) => ip), ['other 0']) // biome-ignore format: a line
})

t.test('who becomes worse is the last of that rank, who left has none', async (t) => {
  const room = new WaitingRoom(10)
  const [a, b, c] = [visit('a'), visit('b'), visit('c')]
  for (const visit of [a, b, c]) {
    room.enter(visit)
    room.setRank(visit, 'dynamic')
  }
  room.setRank(b, 'dynamic')
  t.equal(room.worst()?.ip, 'c', 'the same rank is no change')
  room.setRank(a, 'talked')
  t.equal(room.worst()?.ip, 'a')
  room.leave(a)
  room.setRank(a, 'talked')
  t.equal(room.worst()?.ip, 'c')
  t.equal(room.size, 2)
  room.leave(b)
  t.equal(room.worst()?.ip, 'c', 'one in the middle leaves')
  room.leave(c)
  t.equal(room.worst(), undefined)
})
