import { getEventListeners } from 'node:events'
import t from 'tap'
import { createPlaces, LARGE_FROM } from '../../../src/scan/clamd/places.ts'

const patient = new AbortController().signal
const both = () => ['a', 'b']

/** Who has got a place by now, in the order of asking: the server, undefined, or `waits`. */
async function now(asked: readonly Promise<string | undefined>[]) {
  await new Promise(setImmediate)
  return Promise.all(asked.map((one) => Promise.race([one, 'waits'])))
}

t.test('the first server with a place is taken, and then they wait', async (t) => {
  const places = createPlaces<string>(2)
  const asked = Array.from({ length: 5 }, () => places.take(both, patient))
  t.same(await now(asked), ['a', 'a', 'b', 'b', 'waits'])
})

t.test('who waits gets a place in the order of coming, and nobody overtakes', async (t) => {
  const places = createPlaces<string>(1)
  const asked = Array.from({ length: 4 }, () => places.take(() => ['a'], patient))
  t.same(await now(asked), ['a', 'waits', 'waits', 'waits'])
  places.leave('a')
  asked.push(places.take(() => ['a'], patient))
  t.same(await now(asked), ['a', 'a', 'waits', 'waits', 'waits'])
  places.leave('a')
  places.leave('a')
  t.same(await now(asked), ['a', 'a', 'a', 'a', 'waits'])
})

t.test('what somebody wants is asked again when a place becomes free', async (t) => {
  const places = createPlaces<string>(1)
  let wanted = ['a']
  const asked = [places.take(() => ['a'], patient), places.take(() => wanted, patient)]
  t.same(await now(asked), ['a', 'waits'])
  wanted = ['b'] // the first server has fallen ill meanwhile
  places.leave('a')
  t.same(await now(asked), ['a', 'b'])
})

t.test('who waits goes at the signal, and leaves no place and no listener behind', async (t) => {
  const places = createPlaces<string>(1)
  const controller = new AbortController()
  const asked = [
    places.take(() => ['a'], patient),
    places.take(() => ['a'], controller.signal),
    places.take(() => ['a'], patient),
  ]
  t.same(await now(asked), ['a', 'waits', 'waits'])
  controller.abort()
  t.same(await now(asked), ['a', undefined, 'waits'])
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
  places.leave('a')
  t.same(await now(asked), ['a', undefined, 'a'])
  t.equal(await places.take(() => ['b'], controller.signal), undefined, 'it is over already')
})

t.test('large messages leave places for small ones, which overtake them', async (t) => {
  const places = createPlaces<string>(4, 2)
  const take = (size: number) => places.take(() => ['a'], patient, size)
  const asked = [LARGE_FROM, LARGE_FROM, LARGE_FROM, LARGE_FROM - 1, 0, 0].map(take)
  t.same(await now(asked), ['a', 'a', 'waits', 'a', 'a', 'waits'])
  places.leave('a', 0)
  t.same(await now(asked), ['a', 'a', 'waits', 'a', 'a', 'a'])
  t.equal(places.takenAt('a'), 4)
  places.leave('a', LARGE_FROM)
  t.same(await now(asked), ['a', 'a', 'a', 'a', 'a', 'a'])
  asked.push(take(LARGE_FROM))
  places.leave('a', 0)
  t.same(
    await now(asked),
    ['a', 'a', 'a', 'a', 'a', 'a', 'waits'],
    'there is room, but for small ones',
  )
})
