import t from 'tap'
import { RememberedClients } from '../../../src/delay/gate/remembered-clients.ts'

const REMEMBERED_MAX = 100_000

/** The clients that a gate remembers. */

function opened(remember = 100_000) {
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

t.test('if there are too many, those that were not seen for longest make room', async (t) => {
  const { remembered } = opened()
  for (let n = 0; n < 2 * REMEMBERED_MAX; n++) {
    remembered.add(`${n}`)
    remembered.has('0')
  }
  t.ok(remembered.size <= REMEMBERED_MAX)
  t.equal(remembered.has('0'), true, 'it came again and again')
  t.equal(remembered.has('1'), false)
  for (let n = 1; n <= REMEMBERED_MAX / 2; n++)
    if (!remembered.has(`${2 * REMEMBERED_MAX - n}`)) t.fail(`${n}: one of the last is forgotten`)
})
