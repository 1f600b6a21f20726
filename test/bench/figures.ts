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
  return [...groups.values()].map((rounds) => {
    const { contestant, kind, size, atOnce } = rounds[0]!
    const all = rounds.flatMap(({ ms }) => ms)
    const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0)
    return {
      contestant,
      kind,
      size,
      atOnce,
      messages: all.length,
      median: median(all),
      p95: percentile(all, 0.95),
      perSecond: all.length / seconds,
      rss: Math.max(...rounds.map(({ rss }) => rss)),
      medians: rounds.map(({ ms }) => median(ms)),
      rates: rounds.map((round) => round.ms.length / round.seconds),
      stages: stagesOf(rounds),
      cold: rounds.reduce((sum, round) => sum + round.cold, 0),
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

function stagesOf(rounds: readonly Measurement[]): Record<string, number> {
  const all: Record<string, number[]> = {}
  for (const { stages } of rounds) {
    for (const [name, times] of Object.entries(stages)) {
      all[name] = [...(all[name] ?? []), ...times]
    }
  }
  return Object.fromEntries(Object.entries(all).map(([name, times]) => [name, median(times)]))
}
