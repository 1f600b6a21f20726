import type { Cell } from './cells.ts'
import type { Measurement } from './measure.ts'
import { median, percentile } from './statistics.ts'

/** One contestant in one cell, over all rounds. */
export interface Figure {
  readonly contestant: string
  readonly kind: Cell['kind']
  readonly size: string
  readonly atOnce: number
  readonly messages: number
  /** Milliseconds. */
  readonly median: number
  readonly p95: number
  readonly perSecond: number
  /** Milliseconds of processor time for one message. */
  readonly cpu: number
  /** KiB. */
  readonly rss: number
  /** The median of each round, for comparing within a round. */
  readonly medians: readonly number[]
  /** Messages per second in each round. */
  readonly rates: readonly number[]
  /** Median milliseconds of each stage that onescan logs. */
  readonly stages: Readonly<Record<string, number>>
  /** Messages that the thin client handed to the cold program. */
  readonly cold: number
}

export type CellKey = Pick<Cell, 'kind' | 'atOnce'> & { readonly size: string }

export function figuresOf(measurements: readonly Measurement[]): Figure[] {
  const groups = new Map<string, Measurement[]>()
  for (const measurement of measurements) {
    const { contestant, kind, size, atOnce } = measurement
    const key = [contestant, kind, size, atOnce].join('\n')
    groups.set(key, [...(groups.get(key) ?? []), measurement])
  }
  return [...groups.values()].map((turns) => {
    const { contestant, kind, size, atOnce } = turns[0]!
    const all = turns.flatMap(({ ms }) => ms)
    const numbers = [...new Set(turns.map(({ round }) => round))].sort((a, b) => a - b)
    const rounds = numbers.map((number) => turns.filter(({ round }) => round === number))
    return {
      contestant,
      kind,
      size,
      atOnce,
      messages: all.length,
      median: median(all),
      p95: percentile(all, 0.95),
      perSecond: rate(turns),
      cpu: turns.reduce((sum, { cpu }) => sum + cpu, 0) / all.length,
      rss: Math.max(...turns.map(({ rss }) => rss)),
      medians: rounds.map((round) => median(round.flatMap(({ ms }) => ms))),
      rates: rounds.map(rate),
      stages: stagesOf(turns),
      cold: turns.reduce((sum, { cold }) => sum + cold, 0),
    }
  })
}

export function find(
  figures: readonly Figure[],
  contestant: string,
  { kind, size, atOnce }: CellKey,
): Figure | undefined {
  return figures.find(
    (figure) =>
      figure.contestant === contestant &&
      figure.kind === kind &&
      figure.size === size &&
      figure.atOnce === atOnce,
  )
}

/** Messages per second. */
function rate(turns: readonly Measurement[]): number {
  const messages = turns.reduce((sum, { ms }) => sum + ms.length, 0)
  return messages / turns.reduce((sum, { seconds }) => sum + seconds, 0)
}

function stagesOf(turns: readonly Measurement[]): Record<string, number> {
  const all: Record<string, number[]> = {}
  for (const { stages } of turns) {
    for (const [name, times] of Object.entries(stages)) {
      all[name] = [...(all[name] ?? []), ...times]
    }
  }
  return Object.fromEntries(Object.entries(all).map(([name, times]) => [name, median(times)]))
}
