import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { PolledValue } from '../../../src/base/flow/polled-value.ts'

/** Polls that end when the test ends them; each has the value that it was given when it began. */
function polls() {
  const begun: { readonly value: number; end(): void }[] = []
  const world = { value: 1 }
  const read = () =>
    new Promise<number>((resolve) => {
      const { value } = world
      begun.push({ value, end: () => resolve(value) })
    })
  return { world, begun, read }
}

t.test('what another caller began to read before is ignored', async (t) => {
  const { world, begun, read } = polls()
  const polled = new PolledValue(0, read)
  const first = polled.poll()
  await setImmediate()
  world.value = 2
  const second = polled.poll()
  const third = polled.poll()
  begun[0]!.end()
  t.equal(await first, 1)
  await setImmediate()
  t.equal(begun.length, 2, 'both later callers wait for one further poll')
  begun[1]!.end()
  t.same(await Promise.all([second, third]), [2, 2])
})

t.test('a fresh value counts without another poll', async (t) => {
  const { begun, read } = polls()
  const polled = new PolledValue(0, read, 60_000)
  const first = polled.poll()
  await setImmediate()
  begun[0]!.end()
  t.equal(await first, 1)
  t.equal(await polled.poll(), 1)
  t.equal(begun.length, 1)
})

t.test('while a poll does not end, the last value counts, and callers wait once', async (t) => {
  const { begun, read } = polls()
  const polled = new PolledValue(7, read)
  t.equal(await polled.poll(), 7)
  const begins = performance.now()
  for (let count = 0; count < 20; count++) t.equal(await polled.poll(), 7)
  t.ok(performance.now() - begins < 20 * 500, 'the later ones wait no more')
  t.equal(begun.length, 1)
})
