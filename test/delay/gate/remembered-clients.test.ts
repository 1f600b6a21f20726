import t from 'tap'
import { RememberedClients } from '../../../src/delay/gate/remembered-clients.ts'

const REMEMBERED_MAX = 100_000

/** The clients that a gate remembers. */

function opened(remember = 100) {
  const clock = { uptime: 0 }
  return { remembered: new RememberedClients(remember, () => clock.uptime), clock }
}

t.test('a client that behaved is exempt for the configured time', async (t) => {
  const { remembered, clock } = opened()
  t.equal(remembered.has('a'), false)
  remembered.add('a')
  clock.uptime = 99_000
  t.equal(remembered.has('a'), true)
  clock.uptime = 100_000
  t.equal(remembered.has('a'), false)
  remembered.add('a')
  remembered.forget('a')
  t.equal(remembered.has('a'), false)
  t.equal(remembered.size, 0)
})

t.test('with a time of 0 no client is exempt', async (t) => {
  const { remembered } = opened(0)
  remembered.add('a')
  t.equal(remembered.has('a'), false)
  t.equal(remembered.size, 0)
})

t.test('if there are too many, the client that behaved longest ago makes room', async (t) => {
  const { remembered } = opened()
  for (let n = 0; n < REMEMBERED_MAX; n++) remembered.add(`${n}`)
  remembered.add('0')
  remembered.add('one more')
  t.equal(remembered.size, REMEMBERED_MAX)
  t.equal(remembered.has('0'), true, 'it has behaved again')
  t.equal(remembered.has('1'), false)
  t.equal(remembered.has('2'), true)
})
