import type { Contestant } from './contestants.ts'
import { FORMS } from './letters.ts'
import type { ProcessorTime, Turn } from './measure.ts'
import { median } from './statistics.ts'

/** One contestant with mail of one form and one database, over all rounds. */
export interface Figure {
  readonly contestant: string
  readonly form: string
  readonly database: string
  /** Milliseconds, one at a time. */
  readonly median: number
  /** Messages a second, eight at a time. */
  readonly rate: number
  /** Milliseconds for a message. */
  readonly processor: ProcessorTime
}

export function figuresOf(turns: readonly Turn[]): Figure[] {
  const groups = new Map<string, Turn[]>()
  for (const turn of turns) {
    const key = [turn.contestant, turn.form, turn.database].join('\n')
    groups.set(key, [...(groups.get(key) ?? []), turn])
  }
  return [...groups.values()].map((group) => {
    const { contestant, form, database } = group[0]!
    const several = group.filter(({ atOnce }) => atOnce > 1)
    const sum = (turns: readonly Turn[], of: (turn: Turn) => number) =>
      turns.reduce((total, turn) => total + of(turn), 0)
    const count = (turns: readonly Turn[]) => sum(turns, ({ ms }) => ms.length)
    const share = (part: keyof ProcessorTime) =>
      sum(group, ({ processor }) => processor[part]) / count(group)
    return {
      contestant,
      form,
      database,
      median: median(group.flatMap(({ atOnce, ms }) => (atOnce === 1 ? ms : []))),
      rate: count(several) / sum(several, ({ seconds }) => seconds),
      processor: { onescand: share('onescand'), clamd: share('clamd'), wrapper: share('wrapper') },
    }
  })
}

const groups: readonly (readonly [title: string, show: (figure: Figure) => string])[] = [
  ['one at a time, ms', ({ median }) => digits(median)],
  ['eight at a time, messages/s', ({ rate }) => digits(rate)],
  [
    'processor time of a message, ms: wrapper and chain + onescand + clamd',
    ({ processor: { wrapper, onescand, clamd } }) =>
      [wrapper, onescand, clamd].map(digits).join(' + '),
  ],
]

/** The table of a run, as text for a terminal and for doc/benchmark.md. */
export function report(figures: readonly Figure[], contestants: readonly Contestant[]): string {
  const rows = [...new Set(figures.map(({ database }) => database))].flatMap((database) =>
    groups.flatMap(([title, show]) => [
      [`clamd with ${database}, ${title}`],
      ...contestants.flatMap(({ name, label }) => {
        const own = figures.filter(
          (figure) => figure.contestant === name && figure.database === database,
        )
        if (own.length === 0) return []
        const cells = FORMS.map((form) => own.find((figure) => figure.form === form.name))
        return [[`  ${label}`, ...cells.map((figure) => (figure ? show(figure) : ''))]]
      }),
    ]),
  )
  return table(['', ...FORMS.map(({ name }) => name)], rows)
}

/** Three digits that count; whole numbers from 100 on. */
export function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

/** Columns under each other, the first to the left, the others to the right. A row of one cell is a title. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const full = lines.filter((line) => line.length > 1)
  const widths = head.map((_, column) => Math.max(...full.map((line) => line[column]!.length)))
  return lines
    .map((line) => {
      if (line.length === 1) return line[0]!
      const cells = line.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      return cells.join('  ').trimEnd()
    })
    .join('\n')
}
