import { type Machine, machineText } from './machine.ts'
import type { ProcessorTime, Turn } from './measure.ts'

/** What `npm run bench` writes into results.json. */
export interface Results {
  readonly machine: Machine
  readonly options: { readonly rounds: number; readonly quick: boolean; readonly spool: string }
  readonly figures: readonly Partial<Figure>[]
}

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
    const sum = (some: readonly Turn[], of: (turn: Turn) => number) =>
      some.reduce((total, turn) => total + of(turn), 0)
    const count = (some: readonly Turn[]) => sum(some, ({ ms }) => ms.length)
    const share = (part: keyof ProcessorTime) =>
      sum(group, ({ processor }) => processor[part]) / count(group)
    return {
      contestant,
      form,
      database,
      median: medianOf(group.flatMap(({ atOnce, ms }) => (atOnce === 1 ? ms : []))),
      rate: count(several) / sum(several, ({ seconds }) => seconds),
      processor: { onescand: share('onescand'), clamd: share('clamd'), wrapper: share('wrapper') },
    }
  })
}

/** A run in Markdown, with all its tables. */
export function report(results: Results): string {
  const { figures } = results
  return [
    circumstances(results),
    ...[...new Set(figures.map(({ database }) => database))].flatMap((database) => {
      const own = figures.filter((figure) => figure.database === database)
      return [
        `clamd with ${database}:`,
        ...groups.map((group) => table(own, group)).filter(Boolean),
      ]
    }),
  ].join('\n\n')
}

/** The times of a run with one database, as they are in doc/development/benchmark.md. */
export function shortReport(results: Results): string {
  return [circumstances(results), table(results.figures, groups[0]!)].join('\n\n')
}

function circumstances({ machine, options: { rounds, quick, spool } }: Results): string {
  const size = quick ? 'a short run' : `${rounds} rounds`
  return `${machineText(machine)}; ${size}, short-lived files in \`${spool}\`.`
}

interface Group {
  readonly title: string
  /** Empty if it was not measured. */
  readonly show: (figure: Partial<Figure>) => string
}

const groups: readonly Group[] = [
  { title: 'ms, one at a time', show: ({ median }) => (median ? digits(median) : '') },
  { title: 'messages/s, eight at a time', show: ({ rate }) => (rate ? digits(rate) : '') },
  {
    title: 'CPU time of a message in ms: wrapper and chain, onescand, clamd',
    show: ({ processor }) =>
      processor
        ? [processor.wrapper, processor.onescand, processor.clamd].map(tenths).join(', ')
        : '',
  },
]

/** A row for each contestant and a column for each form of mail that was measured; none is ''. */
function table(figures: readonly Partial<Figure>[], { title, show }: Group): string {
  const measured = figures.filter((figure) => show(figure) !== '')
  const forms = [...new Set(measured.map(({ form }) => form))]
  const names = [...new Set(measured.map(({ contestant }) => contestant))]
  if (names.length === 0) return ''
  const rows = names.map((name) => [
    name,
    ...forms.map((form) => {
      const figure = measured.find((one) => one.contestant === name && one.form === form)
      return figure ? show(figure) : ''
    }),
  ])
  return [[title, ...forms], ['---', ...forms.map(() => '---')], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Three digits that count; whole numbers from 100 on. */
function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

/** One digit behind the point; whole numbers from 100 on. */
function tenths(value: number): string {
  return value === 0 ? '0' : value.toFixed(value >= 100 ? 0 : 1)
}

/** The middle value, or the mean of the two in the middle. NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const above = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? above : (above + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** The median of ratios, the least and the most: `1.39 (1.37 to 1.42)`. */
export function withRange(ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  return `${medianOf(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
}
