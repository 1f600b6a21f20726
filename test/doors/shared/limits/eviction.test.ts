import t from 'tap'
import {
  type Candidate,
  goesForConnection,
  goesForMemory,
} from '../../../../src/doors/shared/limits/eviction.ts'

/** Who goes when there is no room for all. Times are milliseconds. */

const NOW = 1_000_000

const one = (name: string, wishes: Partial<Candidate> & { silent?: number } = {}) => ({
  name,
  peer: 'mta',
  holdsMemory: false,
  negotiated: true,
  busy: false,
  amidPacket: false,
  amidMessage: false,
  amidContent: false,
  heard: NOW - (wishes.silent ?? 0),
  ...wishes,
})

t.test('connections that have not negotiated go first, the oldest of them first', async (t) => {
  const present = [
    one('idle', { silent: 200_000 }),
    one('first', { negotiated: false, silent: 1 }), // it says a byte now and then
    one('second', { negotiated: false, silent: 50 }),
  ]
  t.match(goesForConnection(present, 'mta', NOW), { name: 'first' })
})

t.test('an MTA keeps its idle connections, whoever else comes', async (t) => {
  const idle = [one('a', { silent: 200_000 }), one('b', { silent: 100_000 })]
  const crowd = [1, 2, 3].map((n) => one(`x${n}`, { peer: 'crowd', silent: n }))
  t.equal(goesForConnection(idle, 'mta', NOW), undefined)
  t.match(goesForConnection([...idle, ...crowd], 'mta', NOW), undefined, 'as many as it would have')
  crowd.push(one('x4', { peer: 'crowd', silent: 4 }))
  t.match(goesForConnection([...idle, ...crowd], 'mta', NOW), { name: 'x4' })
  t.equal(goesForConnection([...idle, ...crowd], 'crowd', NOW), undefined, 'no room is made for it')
})

t.test(
  'a connection goes that is silent between messages for longer than an SMTP client may be',
  async (t) => {
    const present = [one('a', { silent: 400_000 }), one('b', { silent: 300_001 }), one('c')]
    t.match(goesForConnection(present, 'mta', NOW), { name: 'a' })
    const amid = present.map((each) => ({ ...each, amidMessage: true }))
    t.equal(goesForConnection(amid, 'mta', NOW), undefined, 'not amid a message')
  },
)

t.test('memory is taken from a connection that holds some and has fallen silent', async (t) => {
  const present = [
    one('has none', { silent: 900_000 }),
    one('judged', { silent: 900_000, holdsMemory: true, busy: true }),
    one('thinks', { silent: 50_000, holdsMemory: true, amidMessage: true }),
    one('sends', { silent: 900, holdsMemory: true, amidPacket: true }),
  ]
  t.equal(goesForMemory(present, NOW), undefined)
  const amidPacket = one('stopped', { silent: 1100, holdsMemory: true, amidPacket: true })
  t.match(goesForMemory([...present, amidPacket], NOW), { name: 'stopped' })
  const left = one('left', { silent: 61_000, holdsMemory: true, amidMessage: true })
  t.match(goesForMemory([...present, amidPacket, left], NOW), { name: 'left' })
})
