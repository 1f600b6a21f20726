import t from 'tap'
import { Semaphore } from '../../../src/base/flow/semaphore.ts'

t.test(
  'a limit runs no more work at a time, and runs all of it in order, even after failures',
  async (t) => {
    const permits = new Semaphore(3)
    const begun: number[] = []
    let working = 0
    let most = 0
    const work = (i: number) =>
      permits.run(async () => {
        begun.push(i)
        most = Math.max(most, ++working)
        await new Promise(setImmediate)
        working--
        if (i % 5 === 0) throw new Error(`${i}`)
        return i
      })
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => work(i)))
    t.equal(most, 3)
    t.same(begun, [...begun.keys()])
    t.equal(results.filter(({ status }) => status === 'rejected').length, 4)
    t.equal(await permits.run(async () => 'free again'), 'free again')
  },
)
