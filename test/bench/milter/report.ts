import type { Goal } from '../goals.ts'
import { digits, goalTable, table } from '../report.ts'
import { median } from '../statistics.ts'
import { contestants, type Stream } from './contestants.ts'
import type { Figure } from './figures.ts'

const titles: Readonly<Record<Stream['name'], string>> = {
  clean: 'clean mail by smtp-source',
  trusted: 'mail that bears a stamp of the cluster, by send.c',
}

/** The tables of a run, as text for a terminal and for doc/benchmark.md. */
export function report(figures: readonly Figure[], goals: readonly Goal[]): string {
  const streams = ['clean', 'trusted'] as const
  return [...streams.map((mail) => rateTable(figures, mail)), goalTable(goals)].join('\n\n')
}

function rateTable(figures: readonly Figure[], mail: Stream['name']): string {
  const sizes = [...new Set(figures.map(({ size }) => size))]
  const rows = contestants.flatMap(({ name, label }) => {
    const own = figures.filter((each) => each.contestant === name && each.mail === mail)
    if (own.length === 0) return []
    return [[label, ...sizes.map((size) => rates(own.find((each) => each.size === size)))]]
  })
  const title = `${titles[mail]}, ten sessions; messages/s: median (rounds)`
  return table(title, ['', ...sizes], rows)
}

function rates(figure: Figure | undefined): string {
  if (figure === undefined) return ''
  const [low, high] = [Math.min(...figure.rates), Math.max(...figure.rates)]
  return `${digits(median(figure.rates))} (${digits(low)} to ${digits(high)})`
}
