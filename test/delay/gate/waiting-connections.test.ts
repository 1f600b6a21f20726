import t from 'tap'
import type { GateConnection } from '../../../src/delay/gate/gate-connection.ts'
import { WaitingConnections } from '../../../src/delay/gate/waiting-connections.ts'

/** The connections that wait at the gate: when they are as many as may, and who makes room for a newcomer. */

const connection = (name: string) =>
  ({ ip: name, rank: undefined, before: undefined, behind: undefined }) as unknown as GateConnection

t.test('the queue is full with as many as it may hold, until one leaves', async (t) => {
  const waiting = new WaitingConnections(2)
  const [a, b] = [connection('a'), connection('b')]
  waiting.enter(a)
  t.equal(waiting.isFull, false)
  waiting.enter(b)
  t.equal(waiting.isFull, true)
  t.same(waiting.all().map(({ ip }) => ip), ['a', 'b']) // biome-ignore format: a line
  waiting.leave(a)
  waiting.leave(a)
  t.equal(waiting.isFull, false)
  t.equal(waiting.size, 1)
  t.equal(a.rank, undefined)
})

t.test('the worst client makes room first, of one rank who came to it last', async (t) => {
  const waiting = new WaitingConnections(10)
  const connections = [
    'other',
    'dynamic',
    'dynamic',
    'nameless',
    'talked',
    'nameless',
    'talked',
  ] as const
  const all = connections.map((rank, n) => ({ rank, connection: connection(`${rank} ${n}`) }))
  for (const { connection } of all) waiting.enter(connection)
  t.equal(waiting.worst(), undefined, 'nobody is worse than a stranger')
  for (const { rank, connection } of all) waiting.setRank(connection, rank)
  const left: string[] = []
  for (let worst = waiting.worst(); worst !== undefined; worst = waiting.worst()) {
    left.push(worst.ip)
    waiting.leave(worst)
  }
  t.same(left, ['talked 6', 'talked 4', 'nameless 5', 'nameless 3', 'dynamic 2', 'dynamic 1'])
  t.same(waiting.all().map(({ ip }) => ip), ['other 0']) // biome-ignore format: a line
})

t.test(
  'a connection with a worse rank becomes the last of that rank, and one that left has none',
  async (t) => {
    const waiting = new WaitingConnections(10)
    const [a, b, c] = [connection('a'), connection('b'), connection('c')]
    for (const connection of [a, b, c]) {
      waiting.enter(connection)
      waiting.setRank(connection, 'dynamic')
    }
    waiting.setRank(b, 'dynamic')
    t.equal(waiting.worst()?.ip, 'c', 'the same rank is no change')
    waiting.setRank(a, 'talked')
    t.equal(waiting.worst()?.ip, 'a')
    waiting.leave(a)
    waiting.setRank(a, 'talked')
    t.equal(waiting.worst()?.ip, 'c')
    t.equal(waiting.size, 2)
    waiting.leave(b)
    t.equal(waiting.worst()?.ip, 'c', 'one in the middle leaves')
    waiting.leave(c)
    t.equal(waiting.worst(), undefined)
  },
)
