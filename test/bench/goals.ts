import type { Cell } from './cells.ts'
import type { DaemonMemory } from './daemon-memory.ts'
import { type CellKey, type Figure, find } from './figures.ts'
import { median } from './statistics.ts'

/** One line of what onescan must reach. */
export interface Goal {
  readonly name: string
  readonly unit: 'times' | 'ms' | 'MB'
  /** `at least` for speeds, else at most. */
  readonly bound: 'at most' | 'at least'
  readonly must: number
  readonly tryFor: number | undefined
  /** Undefined where a contestant that it needs was not there. */
  readonly value: number | undefined
  /** Lowest and highest of the rounds. */
  readonly range?: readonly [number, number]
}

/** What the goals are computed from. */
export interface Results {
  readonly figures: readonly Figure[]
  readonly daemonMemory: DaemonMemory | undefined
}

/** Undefined where it was not measured. */
export function met({ bound, must, value }: Goal): boolean | undefined {
  if (value === undefined) return undefined
  return bound === 'at least' ? value >= must : value <= must
}

/** Whether the value is as good as was tried for, too. */
export function excelled(goal: Goal): boolean {
  return goal.tryFor !== undefined && met({ ...goal, must: goal.tryFor }) === true
}

/** Each compares what ran side by side in one round, and takes the middle of the rounds. */
export function goalsOf({ figures, daemonMemory }: Results): Goal[] {
  const clean = (size: string, atOnce = 1): CellKey => ({ kind: 'clean', size, atOnce })
  const trusted = (kind: Cell['kind']): CellKey => ({ kind, size: '4 KB', atOnce: 1 })

  const compare = (
    contestant: string,
    other: string,
    cell: CellKey,
    how: (own: Figure, other: Figure, round: number) => number,
  ): Pick<Goal, 'value' | 'range'> => {
    const [a, b] = [find(figures, contestant, cell), find(figures, other, cell)]
    if (a === undefined || b === undefined) return { value: undefined }
    const rounds = a.medians.map((_, round) => how(a, b, round))
    return { value: median(rounds), range: [Math.min(...rounds), Math.max(...rounds)] }
  }
  const ratio = (a: Figure, b: Figure, round: number) => a.medians[round]! / b.medians[round]!
  const more = (a: Figure, b: Figure, round: number) => a.medians[round]! - b.medians[round]!
  const faster = (a: Figure, b: Figure, round: number) => a.rates[round]! / b.rates[round]!

  const timesSlower = (contestant: string, size: string, must: number, tryFor?: number): Goal => ({
    ...{ name: `${contestant} over sh + clamdscan, ${size}, one at a time`, unit: 'times' },
    ...{ bound: 'at most', must, tryFor },
    ...compare(contestant, 'sh', clean(size), ratio),
  })
  const timesFaster = (contestant: string, size: string, must: number): Goal => ({
    ...{
      name: `${contestant} over sh + clamdscan, ${size}, messages/s, eight at a time`,
      unit: 'times',
    },
    ...{ bound: 'at least', must, tryFor: undefined },
    ...compare(contestant, 'sh', clean(size, 8), faster),
  })
  const overBare = (kind: Cell['kind']): Goal => ({
    ...{ name: `warm and ${kind} over the bare chain, 4 KB`, unit: 'ms' },
    ...{ bound: 'at most', must: 0.6, tryFor: undefined },
    ...compare('warm', 'bare', trusted(kind), more),
  })
  const megabytes = (
    name: string,
    must: number,
    tryFor: number | undefined,
    value?: number,
  ): Goal => ({
    ...{ name, unit: 'MB', bound: 'at most', must, tryFor, value },
  })

  const clients = figures.filter(({ contestant }) => contestant === 'warm').map(({ rss }) => rss)
  return [
    timesSlower('warm-never', '4 KB', 0.3),
    timesSlower('warm-never', '100 KB', 0.37),
    timesSlower('warm-never', '5 MB', 0.85),
    timesFaster('warm-never', '4 KB', 3.2),
    timesFaster('warm-never', '100 KB', 2.6),
    timesFaster('warm-never', '5 MB', 1.1),
    timesSlower('cold-never', '4 KB', 1.4),
    timesSlower('warm', '4 KB', 0.4),
    timesSlower('warm', '100 KB', 0.5),
    timesSlower('warm', '5 MB', 1.1),
    timesFaster('warm', '4 KB', 2.3),
    timesFaster('warm', '100 KB', 1.8),
    timesFaster('warm', '5 MB', 0.9),
    overBare('trusted-hmac'),
    overBare('trusted-md5'),
    timesSlower('cold-native', '4 KB', 1.5),
    timesSlower('cold-native', '5 MB', 1.6, 1.1),
    {
      ...{ name: 'stamp on against off, warm, 100 KB', unit: 'ms', bound: 'at most' },
      ...{ must: 0.3, tryFor: undefined },
      ...compare('warm', 'warm-unsigned', clean('100 KB'), more),
    },
    megabytes('onescand, PSS after the load', 200, 120, daemonMemory?.samples.at(-1)),
    megabytes(
      'onescand, growth of PSS in the last half of it',
      20,
      undefined,
      growth(daemonMemory),
    ),
    megabytes(
      'onescanc and its chain, resident, at any size',
      2,
      undefined,
      clients.length > 0 ? Math.max(...clients) / 1024 : undefined,
    ),
  ]
}

/** Flat, give or take what a garbage collector leaves until the next time. */
function growth(memory: DaemonMemory | undefined): number | undefined {
  if (memory === undefined || memory.samples.length < 2) return undefined
  const half = memory.samples[memory.samples.length >> 1]!
  return memory.samples.at(-1)! - half
}
