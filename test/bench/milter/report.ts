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
  const tables = streams.flatMap((mail) => [rateTable(figures, mail), cpuTable(figures, mail)])
  return [...tables, goalTable(goals)].join('\n\n')
}

function rateTable(figures: readonly Figure[], mail: Stream['name']): string {
  const title = `${titles[mail]}, ten sessions; messages/s: median (rounds)`
  return tableOf(title, figures, mail, rates)
}

/** It says what a message costs, and other work on the machine changes it little. */
function cpuTable(figures: readonly Figure[], mail: Stream['name']): string {
  const title = `processor time of milter and clamd for one message of it; ms`
  return tableOf(title, figures, mail, ({ cpu }) => (cpu > 0 ? digits(cpu) : ''))
}

function rates({ rates }: Figure): string {
  const [low, high] = [Math.min(...rates), Math.max(...rates)]
  return `${digits(median(rates))} (${digits(low)} to ${digits(high)})`
}

function tableOf(
  title: string,
  figures: readonly Figure[],
  mail: Stream['name'],
  cell: (figure: Figure) => string,
): string {
  const sizes = [...new Set(figures.map(({ size }) => size))]
  const rows = contestants.flatMap(({ name, label }) => {
    const own = figures.filter((figure) => figure.contestant === name && figure.mail === mail)
    const bySize = sizes.map((size) => own.find((figure) => figure.size === size))
    const cells = bySize.map((figure) => (figure ? cell(figure) : ''))
    return cells.every((cell) => cell === '') ? [] : [[label, ...cells]]
  })
  return table(title, ['', ...sizes], rows)
}
