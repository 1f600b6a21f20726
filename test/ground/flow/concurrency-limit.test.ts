import t from 'tap'
import { limitConcurrency } from '../../../src/ground/flow/concurrency-limit.ts'

t.test(
  'no more than so many are at work, and each has its turn, whatever becomes of others',
  async (t) => {
    const inTurn = limitConcurrency(3)
    const begun: number[] = []
    let working = 0
    let most = 0
    const work = (i: number) =>
      inTurn(async () => {
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
    t.equal(await inTurn(async () => 'free again'), 'free again')
  },
)
