import t from 'tap'
import type { Figure } from './figures.ts'
import { excelled, type Goal, goalsOf, met } from './goals.ts'
import { report } from './report.ts'

/** 4 KB of clean mail, one at a time, unless told otherwise. */
function figure(
  contestant: string,
  medians: readonly number[],
  other: Partial<Figure> = {},
): Figure {
  return {
    ...{ contestant, kind: 'clean', size: '4 KB', atOnce: 1, messages: 1, median: 0, p95: 0 },
    ...{ perSecond: 1, cpu: 1, rss: 1024, medians, rates: medians, stages: {}, cold: 0, ...other },
  }
}

const goal = (name: RegExp, figures: readonly Figure[], samples?: readonly number[]): Goal => {
  const daemonMemory = samples && { messages: 1, samples }
  const found = goalsOf({ figures, daemonMemory }).filter((goal) => name.test(goal.name))
  return found[0]!
}

t.test('contestants are compared within a round, and not across rounds', async (t) => {
  const figures = [figure('warm', [3, 30, 4]), figure('sh', [10, 100, 10])]
  const { value, range } = goal(/^warm over sh.* 4 KB, one/, figures)
  t.equal(value, 0.3)
  t.same(range, [0.3, 0.4])
})

t.test('a ratio over the limit fails; a ratio at the limit passes', async (t) => {
  const at = { size: '5 MB' }
  const over = (ms: number) =>
    goal(/^cold-native over sh.* 5 MB, one/, [
      figure('cold-native', [ms], at),
      figure('sh', [10], at),
    ])
  t.equal(met(over(16)), true)
  t.equal(met(over(16.1)), false)
  t.equal(excelled(over(16)), false)
  t.equal(excelled(over(11)), true)
})

t.test('speed must reach the given multiple', async (t) => {
  const times = (rate: number) =>
    goal(/^warm over sh.* 4 KB, messages\/s/, [
      figure('warm', [rate], { atOnce: 8 }),
      figure('sh', [100], { atOnce: 8 }),
    ])
  t.equal(met(times(230)), true)
  t.equal(met(times(229)), false)
})

t.test('a goal neither passes nor fails if its contestant was missing', async (t) => {
  const goals = goalsOf({ figures: [figure('sh', [10])], daemonMemory: undefined })
  for (const goal of goals) t.equal(met(goal), undefined, goal.name)
  t.notMatch(report([], [], goals), /pass|FAIL/)
  t.match(report([], [], goals), /not measured/)
})

t.test('the cost of stamps is the difference between two daemons', async (t) => {
  const at = { size: '100 KB' }
  const figures = [figure('warm', [3.5], at), figure('warm-unsigned', [3], at)]
  t.equal(goal(/^stamp on/, figures).value, 0.5)
  t.match(report([], [], [goal(/^stamp on/, figures)]), /0\.50 ms {2}FAIL$/)
  const cheap = goal(/^stamp on/, [figure('warm', [3.1], at), figure('warm-unsigned', [3], at)])
  t.match(report([], [], [cheap]), /0\.10 ms {2}pass$/, 'there is nothing more to try for')
})

t.test('the memory of the daemon must not grow at the end', async (t) => {
  t.equal(met(goal(/growth/, [], [50, 90, 95, 100, 96])), true)
  t.equal(met(goal(/growth/, [], [50, 60, 70, 80, 91])), false)
  t.equal(goal(/after the load/, [], [50, 60, 70]).value, 70)
})

t.test('the largest figure of the client counts', async (t) => {
  const figures = [figure('warm', [1]), figure('warm', [1], { size: '100 MB', rss: 3072 })]
  t.equal(goal(/^onescanc/, figures).value, 3)
})
