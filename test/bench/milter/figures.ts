import type { Goal } from '../goals.ts'
import { median } from '../statistics.ts'
import type { Name, Stream } from './contestants.ts'
import type { Measurement } from './measure.ts'

/** One contestant with one kind of mail: messages per second in each round. */
export interface Figure {
  readonly contestant: Name
  readonly mail: Stream['name']
  readonly size: string
  readonly rates: readonly number[]
  /** Milliseconds of processor time of milter and clamd for one message. */
  readonly cpu: number
}

export function figuresOf(measurements: readonly Measurement[]): Figure[] {
  const groups = groupBy(measurements, ({ contestant, stream }) =>
    [contestant, stream.name, stream.size.name].join('\n'),
  )
  return groups.map((turns) => {
    const { contestant, stream } = turns[0]!
    return {
      contestant,
      mail: stream.name,
      size: stream.size.name,
      rates: groupBy(turns, ({ round }) => round).map(rate),
      cpu: sum(turns, ({ cpu }) => cpu) / sum(turns, ({ stream }) => stream.messages),
    }
  })
}

/** What onescan must reach: each compares what ran side by side in one round. */
export function goalsOf(figures: readonly Figure[]): Goal[] {
  const goal = (our: Name, mail: Stream['name'], size: string, must: number): Goal => {
    const their = our === 'onescan-inet' ? 'clamav-milter-inet' : 'clamav-milter'
    return {
      name: `${our} over ${their}, ${mail} mail, ${size}`,
      unit: 'times',
      bound: 'at least',
      must,
      tryFor: undefined,
      ...compare(figures, mail, size, [our, their]),
    }
  }
  return [
    goal('onescan-never', 'clean', '4 KB', 1.1),
    goal('onescan-never', 'clean', '100 KB', 1),
    goal('onescan', 'clean', '4 KB', 0.9),
    goal('onescan', 'clean', '100 KB', 0.85),
    goal('onescan', 'trusted', '4 KB', 2),
    goal('onescan', 'trusted', '100 KB', 2),
    goal('onescan-inet', 'clean', '4 KB', 1),
    goal('onescan-inet', 'clean', '100 KB', 1),
    goal('onescan-inet', 'trusted', '4 KB', 2),
    goal('onescan-inet', 'trusted', '100 KB', 2),
    shareOfNone(figures),
  ]
}

/** What mail that needs no scan loses by a milter at all. */
function shareOfNone(figures: readonly Figure[]): Goal {
  return {
    name: 'onescan, trusted mail, 4 KB, share of Postfix without a milter',
    unit: 'times',
    bound: 'at least',
    must: 0.65,
    tryFor: undefined,
    ...compare(figures, 'trusted', '4 KB', ['onescan', 'none']),
  }
}

function compare(
  figures: readonly Figure[],
  mail: Stream['name'],
  size: string,
  [our, their]: readonly [Name, Name],
): Pick<Goal, 'value' | 'range'> {
  const of = (name: Name) =>
    figures.find(
      (figure) => figure.contestant === name && figure.mail === mail && figure.size === size,
    )
  const [ours, theirs] = [of(our), of(their)]
  if (ours === undefined || theirs === undefined) return { value: undefined }
  const ratios = ours.rates.map((rate, round) => rate / theirs.rates[round]!)
  return { value: median(ratios), range: [Math.min(...ratios), Math.max(...ratios)] }
}

/** Messages per second. */
function rate(turns: readonly Measurement[]): number {
  return sum(turns, ({ stream }) => stream.messages) / sum(turns, ({ seconds }) => seconds)
}

function sum(turns: readonly Measurement[], of: (turn: Measurement) => number): number {
  return turns.reduce((total, turn) => total + of(turn), 0)
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => unknown): Item[][] {
  const groups = new Map<unknown, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return [...groups.values()]
}
