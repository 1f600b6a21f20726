import { getEventListeners } from 'node:events'
import t from 'tap'
import { LARGE_FROM, ServerQueue } from '../../../../src/scan/scanners/clamd/server-queue.ts'

const patient = new AbortController().signal
const both = () => ['a', 'b']

/** The servers that messages have got so far, in the order of asking; `waits` for a message without one. */
async function served(asked: readonly Promise<string | undefined>[]) {
  await new Promise(setImmediate)
  return Promise.all(asked.map((server) => Promise.race([server, 'waits'])))
}

t.test('a message gets the first server with a place, and waits if there is none', async (t) => {
  const queue = new ServerQueue<string>(2)
  const asked = Array.from({ length: 5 }, () => queue.take(both, patient))
  t.same(await served(asked), ['a', 'a', 'b', 'b', 'waits'])
})

t.test(
  'messages get places in the order of their coming, and none overtakes another',
  async (t) => {
    const queue = new ServerQueue<string>(1)
    const asked = Array.from({ length: 4 }, () => queue.take(() => ['a'], patient))
    t.same(await served(asked), ['a', 'waits', 'waits', 'waits'])
    queue.leave('a')
    asked.push(queue.take(() => ['a'], patient))
    t.same(await served(asked), ['a', 'a', 'waits', 'waits', 'waits'])
    queue.leave('a')
    queue.leave('a')
    t.same(await served(asked), ['a', 'a', 'a', 'a', 'waits'])
  },
)

t.test(
  'the servers that a message wants are asked for again when a place becomes free',
  async (t) => {
    const queue = new ServerQueue<string>(1)
    let wanted = ['a']
    const asked = [queue.take(() => ['a'], patient), queue.take(() => wanted, patient)]
    t.same(await served(asked), ['a', 'waits'])
    wanted = ['b'] // the first server has fallen ill meanwhile
    queue.leave('a')
    t.same(await served(asked), ['a', 'b'])
  },
)

t.test(
  'a message leaves the queue at the signal, without a place or a listener left behind',
  async (t) => {
    const queue = new ServerQueue<string>(1)
    const controller = new AbortController()
    const asked = [
      queue.take(() => ['a'], patient),
      queue.take(() => ['a'], controller.signal),
      queue.take(() => ['a'], patient),
    ]
    t.same(await served(asked), ['a', 'waits', 'waits'])
    controller.abort()
    t.same(await served(asked), ['a', undefined, 'waits'])
    t.equal(getEventListeners(controller.signal, 'abort').length, 0)
    queue.leave('a')
    t.same(await served(asked), ['a', undefined, 'a'])
    t.equal(await queue.take(() => ['b'], controller.signal), undefined, 'it is over already')
  },
)

t.test('large messages leave places for small ones, which overtake them', async (t) => {
  const queue = new ServerQueue<string>(4, 2)
  const take = (size: number) => queue.take(() => ['a'], patient, size)
  const asked = [LARGE_FROM, LARGE_FROM, LARGE_FROM, LARGE_FROM - 1, 0, 0].map(take)
  t.same(await served(asked), ['a', 'a', 'waits', 'a', 'a', 'waits'])
  queue.leave('a', 0)
  t.same(await served(asked), ['a', 'a', 'waits', 'a', 'a', 'a'])
  t.equal(queue.underWayAt('a'), 4)
  queue.leave('a', LARGE_FROM)
  t.same(await served(asked), ['a', 'a', 'a', 'a', 'a', 'a'])
  asked.push(take(LARGE_FROM))
  queue.leave('a', 0)
  t.same(
    await served(asked),
    ['a', 'a', 'a', 'a', 'a', 'a', 'waits'],
    'there is room, but for small ones',
  )
})
