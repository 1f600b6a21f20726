import t from 'tap'
import {
  type Candidate,
  evictedForConnection,
  evictedForMemory,
} from '../../../../src/doors/shared/limits/eviction.ts'

/** Which connection is closed if there is no room for all. Times are in milliseconds. */

const NOW = 1_000_000

const connection = (name: string, setup: Partial<Candidate> & { silent?: number } = {}) => ({
  name,
  peer: 'mta',
  holdsMemory: false,
  negotiated: true,
  busy: false,
  amidPacket: false,
  amidMessage: false,
  amidContent: false,
  heard: NOW - (setup.silent ?? 0),
  ...setup,
})

t.test('connections that have not negotiated go first, the oldest of them first', async (t) => {
  const present = [
    connection('idle', { silent: 200_000 }),
    connection('first', { negotiated: false, silent: 1 }), // it says a byte now and then
    connection('second', { negotiated: false, silent: 50 }),
  ]
  t.match(evictedForConnection(present, 'mta', NOW), { name: 'first' })
})

t.test('an MTA keeps its idle connections, whoever else comes', async (t) => {
  const idle = [connection('a', { silent: 200_000 }), connection('b', { silent: 100_000 })]
  const crowd = [1, 2, 3].map((n) => connection(`x${n}`, { peer: 'crowd', silent: n }))
  t.equal(evictedForConnection(idle, 'mta', NOW), undefined)
  t.match(
    evictedForConnection([...idle, ...crowd], 'mta', NOW),
    undefined,
    'as many as it would have',
  )
  crowd.push(connection('x4', { peer: 'crowd', silent: 4 }))
  t.match(evictedForConnection([...idle, ...crowd], 'mta', NOW), { name: 'x4' })
  t.equal(
    evictedForConnection([...idle, ...crowd], 'crowd', NOW),
    undefined,
    'no room is made for it',
  )
})

t.test(
  'a connection goes that is silent between messages for longer than an SMTP client may be',
  async (t) => {
    const present = [
      connection('a', { silent: 400_000 }),
      connection('b', { silent: 300_001 }),
      connection('c'),
    ]
    t.match(evictedForConnection(present, 'mta', NOW), { name: 'a' })
    const amid = present.map((candidate) => ({ ...candidate, amidMessage: true }))
    t.equal(evictedForConnection(amid, 'mta', NOW), undefined, 'not amid a message')
  },
)

t.test('memory is taken from a connection that holds some and has fallen silent', async (t) => {
  const present = [
    connection('has none', { silent: 900_000 }),
    connection('judged', { silent: 900_000, holdsMemory: true, busy: true }),
    connection('thinks', { silent: 50_000, holdsMemory: true, amidMessage: true }),
    connection('sends', { silent: 900, holdsMemory: true, amidPacket: true }),
  ]
  t.equal(evictedForMemory(present, NOW), undefined)
  const amidPacket = connection('stopped', { silent: 1100, holdsMemory: true, amidPacket: true })
  t.match(evictedForMemory([...present, amidPacket], NOW), { name: 'stopped' })
  const left = connection('left', { silent: 61_000, holdsMemory: true, amidMessage: true })
  t.match(evictedForMemory([...present, amidPacket, left], NOW), { name: 'left' })
})
