import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { LastSeen } from '../../../src/lib/flow/last-seen.ts'

/** Looks that end when the test says so; each has the value that it was given when it began. */
function looks() {
  const begun: { readonly value: number; end(): void }[] = []
  const world = { value: 1 }
  const see = () =>
    new Promise<number>((resolve) => {
      const { value } = world
      begun.push({ value, end: () => resolve(value) })
    })
  return { world, begun, see }
}

t.test('what another caller began to look at before is ignored', async (t) => {
  const { world, begun, see } = looks()
  const seen = new LastSeen(0, see)
  const first = seen.look()
  await setImmediate()
  world.value = 2
  const second = seen.look()
  const third = seen.look()
  begun[0]!.end()
  t.equal(await first, 1)
  await setImmediate()
  t.equal(begun.length, 2, 'both later callers wait for one further look')
  begun[1]!.end()
  t.same(await Promise.all([second, third]), [2, 2])
})

t.test('a fresh value counts without another look', async (t) => {
  const { begun, see } = looks()
  const seen = new LastSeen(0, see, 60_000)
  const first = seen.look()
  await setImmediate()
  begun[0]!.end()
  t.equal(await first, 1)
  t.equal(await seen.look(), 1)
  t.equal(begun.length, 1)
})

t.test('while a look does not end, the last value counts, and callers wait once', async (t) => {
  const { begun, see } = looks()
  const seen = new LastSeen(7, see)
  t.equal(await seen.look(), 7)
  const begins = performance.now()
  for (let count = 0; count < 20; count++) t.equal(await seen.look(), 7)
  t.ok(performance.now() - begins < 20 * 500, 'the later ones wait no more')
  t.equal(begun.length, 1)
})
