import t from 'tap'
import { figuresOf } from './figures.ts'
import type { Measurement } from './measure.ts'

function turn(round: number, ms: readonly number[], other: Partial<Measurement> = {}): Measurement {
  return {
    ...{ contestant: 'sh', kind: 'clean', size: '4 KB', atOnce: 1, round, ms, seconds: 1 },
    ...{ cpu: 6, rss: 100, stages: {}, cold: 0, whyCold: '', trouble: '', ...other },
  }
}

t.test('all turns of a round make one round, and all rounds one figure', async (t) => {
  const turns = [turn(0, [1, 2]), turn(0, [9], { seconds: 2 }), turn(1, [5, 6, 7], { rss: 300 })]
  const [figure, ...others] = figuresOf(turns)
  t.same(others, [])
  t.match(figure, { contestant: 'sh', messages: 6, median: 5.5, p95: 9, cpu: 3, rss: 300 })
  t.same(figure!.medians, [2, 6])
  t.same(figure!.rates, [1, 3])
  t.equal(figure!.perSecond, 1.5)
})

t.test('contestants and cells are kept apart', async (t) => {
  const turns = [
    turn(0, [1]),
    turn(0, [2], { contestant: 'warm' }),
    turn(0, [3], { size: '5 MB' }),
    turn(0, [4], { atOnce: 8 }),
    turn(0, [5], { kind: 'infected' }),
  ]
  t.same(
    figuresOf(turns).map(({ median }) => median),
    [1, 2, 3, 4, 5],
  )
})

t.test('figures of all stages and of cold messages are joined', async (t) => {
  const turns = [
    turn(0, [1], { stages: { scan: [1, 2] }, cold: 2 }),
    turn(0, [1], { stages: { scan: [9], sign: [4] }, cold: 1 }),
  ]
  t.match(figuresOf(turns), [{ stages: { scan: 2, sign: 4 }, cold: 3 }])
})
