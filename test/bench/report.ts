import { AT_ONCE, type Cell, HUGE, KINDS, SIZES } from './cells.ts'
import type { Contestant } from './contestants.ts'
import { type Figure, find } from './figures.ts'
import { excelled, type Goal, met } from './goals.ts'

/** All tables of a run, as text for a terminal and for doc/benchmark.md. */
export function report(
  figures: readonly Figure[],
  contestants: readonly Contestant[],
  goals: readonly Goal[],
): string {
  const tables = KINDS.flatMap((kind) =>
    AT_ONCE.map((atOnce) => timeTable(figures, contestants, kind, atOnce)),
  )
  const missing = contestants.flatMap((contestant) =>
    contestant.missing ? [`missing: ${contestant.label}: ${contestant.missing}`] : [],
  )
  return [
    ...tables,
    cpuTable(figures, contestants),
    memoryTable(figures, contestants),
    stageTable(figures, contestants),
    goalTable(goals),
    coldNotes(figures).join('\n'),
    missing.join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function timeTable(
  figures: readonly Figure[],
  contestants: readonly Contestant[],
  kind: Cell['kind'],
  atOnce: number,
): string {
  const rows = contestants.flatMap(({ name, label }) => {
    const cells = SIZES.map(({ name: size }) => find(figures, name, { kind, size, atOnce }))
    if (cells.every((cell) => cell === undefined)) return []
    return [[label, ...cells.map((cell) => (cell ? times(cell, atOnce) : ''))]]
  })
  if (rows.length === 0) return ''
  const unit = atOnce === 1 ? 'ms: median (p95)' : 'messages/s, and ms: median (p95)'
  const title = `${kind} mail, ${atOnce === 1 ? 'one' : 'eight'} at a time; ${unit}`
  return table(title, ['', ...SIZES.map(({ name }) => name)], rows)
}

function times({ median, p95, perSecond }: Figure, atOnce: number): string {
  const ms = `${digits(median)} (${digits(p95)})`
  return atOnce === 1 ? ms : `${Math.round(perSecond)}/s, ${ms}`
}

/** Of those eight at a time, which are most: servers tell their time in ticks of 10 ms. */
function cpuTable(figures: readonly Figure[], contestants: readonly Contestant[]): string {
  const rows = contestants.flatMap(({ name, label }) => {
    const cells = SIZES.map(({ name: size }) =>
      find(figures, name, { kind: 'clean', size, atOnce: 8 }),
    )
    if (cells.every((cell) => cell === undefined)) return []
    return [[label, ...cells.map((cell) => (cell ? digits(cell.cpu) : ''))]]
  })
  if (rows.length === 0) return ''
  const title = 'processor time of one clean message, with clamd, onescand and the chain; ms'
  return table(title, ['', ...SIZES.map(({ name }) => name)], rows)
}

function memoryTable(figures: readonly Figure[], contestants: readonly Contestant[]): string {
  const sizes = [SIZES[0]!, HUGE]
  const rows = contestants.flatMap(({ name, label }) => {
    const cells = sizes.map(({ name: size }) =>
      find(figures, name, { kind: 'clean', size, atOnce: 1 }),
    )
    if (cells.every((cell) => cell === undefined)) return []
    return [[label, ...cells.map((cell) => (cell ? digits(cell.rss / 1024) : ''))]]
  })
  if (rows.length === 0) return ''
  const title = 'memory: largest resident process of one message, its chain included; MB'
  return table(title, ['', ...sizes.map(({ name }) => name)], rows)
}

function stageTable(figures: readonly Figure[], contestants: readonly Contestant[]): string {
  const rows = contestants.flatMap(({ name, label }) =>
    SIZES.flatMap(({ name: size }) => {
      const figure = find(figures, name, { kind: 'clean', size, atOnce: 1 })
      const stages = Object.entries(figure?.stages ?? {})
      if (stages.length === 0) return []
      return [
        [`${label}, ${size}`, stages.map(([stage, ms]) => `${stage} ${digits(ms)}`).join(', ')],
      ]
    }),
  )
  if (rows.length === 0) return ''
  return table('stages by the log, clean mail, one at a time; ms', ['', ''], rows)
}

/** A warm figure that is partly a cold one must say so. */
function coldNotes(figures: readonly Figure[]): string[] {
  return figures
    .filter(({ cold }) => cold > 0)
    .map(({ contestant, kind, size, atOnce, cold, messages }) => {
      const where = `${contestant}, ${kind} mail, ${size}, ${atOnce} at a time`
      return `went cold: ${where}: ${cold} of ${messages}`
    })
}

export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => [
    goal.name,
    limit(goal, goal.must),
    limit(goal, goal.tryFor),
    goal.value === undefined ? 'not measured' : `${digits(goal.value)}${range(goal)} ${goal.unit}`,
    mark(goal),
  ])
  return table('must reach', ['', 'must', 'try for', 'measured (rounds)', ''], rows)
}

function limit({ bound }: Goal, value: number | undefined): string {
  return value === undefined ? '' : `${bound === 'at least' ? '>=' : '<='} ${value}`
}

function range({ range: bounds }: Goal): string {
  return bounds === undefined || bounds[0] === bounds[1]
    ? ''
    : ` (${digits(bounds[0])} to ${digits(bounds[1])})`
}

function mark(goal: Goal): string {
  if (met(goal) === undefined) return '-'
  if (!met(goal)) return 'FAIL'
  return excelled(goal) ? 'pass, and what was tried for' : 'pass'
}

/** Three digits that count; whole numbers from 100 on. */
export function digits(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

/** Columns under each other, the first to the left, the others to the right. */
export function table(title: string, head: readonly string[], rows: readonly string[][]): string {
  const lines = head.some((cell) => cell !== '') ? [head, ...rows] : rows
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  )
  return [title, ...text.map((line) => `  ${line}`)].join('\n')
}
