import t from 'tap'
import { LineOrder } from '../../../src/observe/live/line-order.ts'

/** Lines of several processes are put into the order of their times. */

const at = (time: number) => ({ line: `${time}`, time })
const times = (lines: readonly { time: number }[]) => lines.map(({ time }) => time)

function open() {
  const clock = { now: 0 }
  return { clock, inOrder: new LineOrder(() => clock.now) }
}

t.test('a line waits until the other process has reported up to its time', async (t) => {
  const { inOrder } = open()
  inOrder.add(1, [], 1000)
  inOrder.add(2, [], 1400)
  inOrder.add(1, [at(1100), at(1500), at(1900)], 2000)
  t.same(times(inOrder.take()), [1100])
  inOrder.add(2, [at(1450), at(1600)], 2400)
  t.same(times(inOrder.take()), [1450, 1500, 1600, 1900])
  t.same(inOrder.take(), [])
})

t.test('the lines of a single process do not wait', async (t) => {
  const { inOrder } = open()
  inOrder.add(1, [at(5), at(5), at(9)], 9)
  t.same(times(inOrder.take()), [5, 5, 9])
})

t.test(
  'lines wait three seconds for a process that hangs, and not at all for a process that has ended',
  async (t) => {
    const { clock, inOrder } = open()
    inOrder.add(1, [], 1000)
    inOrder.add(2, [at(2000)], 2000)
    t.same(inOrder.take(), [])
    clock.now = 3001
    inOrder.add(2, [at(4000)], 5001)
    t.same(times(inOrder.take()), [2000, 4000])
    inOrder.add(1, [], 1001)
    inOrder.add(2, [at(6000)], 6001)
    t.same(inOrder.take(), [])
    inOrder.forget(1)
    t.same(times(inOrder.take()), [6000])
  },
)

t.test('the wall clock is set back: no line waits for longer than three seconds', async (t) => {
  const { clock, inOrder } = open()
  inOrder.add(1, [at(9_000_000)], 9_000_000)
  for (clock.now = 0; clock.now <= 3000; clock.now += 1000) {
    inOrder.add(1, [], 1000 + clock.now)
    inOrder.add(2, [], 1000 + clock.now)
    t.same(inOrder.take(), [])
  }
  inOrder.add(2, [at(4900)], 5000)
  inOrder.add(1, [], 5000)
  t.same(times(inOrder.take()), [4900, 9_000_000])
})
