import { getEventListeners } from 'node:events'
import t from 'tap'
import { createServerQueue, LARGE_FROM } from '../../../src/scan/clamd/server-queue.ts'

const patient = new AbortController().signal
const both = () => ['a', 'b']

/** Who has got a place by now, in the order of asking: the server, undefined, or `waits`. */
async function now(asked: readonly Promise<string | undefined>[]) {
  await new Promise(setImmediate)
  return Promise.all(asked.map((one) => Promise.race([one, 'waits'])))
}

t.test('the first server with a place is taken, and then they wait', async (t) => {
  const queue = createServerQueue<string>(2)
  const asked = Array.from({ length: 5 }, () => queue.take(both, patient))
  t.same(await now(asked), ['a', 'a', 'b', 'b', 'waits'])
})

t.test('who waits gets a place in the order of coming, and nobody overtakes', async (t) => {
  const queue = createServerQueue<string>(1)
  const asked = Array.from({ length: 4 }, () => queue.take(() => ['a'], patient))
  t.same(await now(asked), ['a', 'waits', 'waits', 'waits'])
  queue.leave('a')
  asked.push(queue.take(() => ['a'], patient))
  t.same(await now(asked), ['a', 'a', 'waits', 'waits', 'waits'])
  queue.leave('a')
  queue.leave('a')
  t.same(await now(asked), ['a', 'a', 'a', 'a', 'waits'])
})

t.test('what somebody wants is asked again when a place becomes free', async (t) => {
  const queue = createServerQueue<string>(1)
  let wanted = ['a']
  const asked = [queue.take(() => ['a'], patient), queue.take(() => wanted, patient)]
  t.same(await now(asked), ['a', 'waits'])
  wanted = ['b'] // the first server has fallen ill meanwhile
  queue.leave('a')
  t.same(await now(asked), ['a', 'b'])
})

t.test('who waits goes at the signal, and leaves no place and no listener behind', async (t) => {
  const queue = createServerQueue<string>(1)
  const controller = new AbortController()
  const asked = [
    queue.take(() => ['a'], patient),
    queue.take(() => ['a'], controller.signal),
    queue.take(() => ['a'], patient),
  ]
  t.same(await now(asked), ['a', 'waits', 'waits'])
  controller.abort()
  t.same(await now(asked), ['a', undefined, 'waits'])
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
  queue.leave('a')
  t.same(await now(asked), ['a', undefined, 'a'])
  t.equal(await queue.take(() => ['b'], controller.signal), undefined, 'it is over already')
})

t.test('large messages leave queue for small ones, which overtake them', async (t) => {
  const queue = createServerQueue<string>(4, 2)
  const take = (size: number) => queue.take(() => ['a'], patient, size)
  const asked = [LARGE_FROM, LARGE_FROM, LARGE_FROM, LARGE_FROM - 1, 0, 0].map(take)
  t.same(await now(asked), ['a', 'a', 'waits', 'a', 'a', 'waits'])
  queue.leave('a', 0)
  t.same(await now(asked), ['a', 'a', 'waits', 'a', 'a', 'a'])
  t.equal(queue.underWayAt('a'), 4)
  queue.leave('a', LARGE_FROM)
  t.same(await now(asked), ['a', 'a', 'a', 'a', 'a', 'a'])
  asked.push(take(LARGE_FROM))
  queue.leave('a', 0)
  t.same(
    await now(asked),
    ['a', 'a', 'a', 'a', 'a', 'a', 'waits'],
    'there is room, but for small ones',
  )
})
