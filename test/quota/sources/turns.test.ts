import t from 'tap'
import { createMemory } from '../../../src/quota/sources/remember.ts'
import { createTurns } from '../../../src/quota/sources/turns.ts'

t.test(
  'no more than so many are at work, and each has its turn, whatever becomes of others',
  async (t) => {
    const inTurn = createTurns(3)
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

t.test('what is asked for is remembered, and no more than so much', async (t) => {
  const memory = createMemory<number>(100)
  for (let i = 0; i < 10_000; i++) {
    memory.set(`k${i}`, i)
    t.equal(memory.get('k0'), 0)
  }
  const kept = Array.from({ length: 10_000 }, (_, i) => memory.get(`k${i}`))
  const there = kept.filter((value) => value !== undefined).length
  t.ok(there <= 100 && there >= 50, `${there}`)
  memory.set('k0', 5)
  t.equal(memory.get('k0'), 5)
  memory.delete('k0')
  t.equal(memory.get('k0'), undefined)
  memory.clear()
  t.equal(memory.get('k9999'), undefined)
})
