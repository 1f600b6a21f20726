import type { Mail } from '../ordinary/mails.ts'
import { partsOf } from './parts.ts'

/** What the parts of a collection are. */
export interface Tally {
  readonly place: string
  readonly mails: number
  /** Mails of which no part is submitted separately: each has a form. */
  readonly withoutQuestion: number
  readonly parts: number
  /** The number of parts, by their form. */
  readonly forms: ReadonlyMap<string, number>
  /** The number of other parts, by the reason. */
  readonly others: ReadonlyMap<string, number>
}

export function tallyOf(place: string, mails: readonly Mail[]): Tally {
  const forms = new Map<string, number>()
  const others = new Map<string, number>()
  let withoutQuestion = 0
  let parts = 0
  for (const mail of mails) {
    const found = partsOf(mail.read())
    parts += found.length
    for (const part of found) {
      if ('form' in part) count(forms, part.form)
      else count(others, part.without)
    }
    if (found.every((part) => 'form' in part)) withoutQuestion++
  }
  return { place, mails: mails.length, withoutQuestion, parts, forms, others }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** A table in Markdown, with a column for each collection. */
export function tallyTable(tallies: readonly Tally[]): string {
  const row = (title: string, cell: (tally: Tally) => string | number) =>
    `| ${[title, ...tallies.map(cell)].join(' | ')} |`
  const rowsOf = (which: 'forms' | 'others') =>
    namesIn(tallies.map((tally) => tally[which])).map((name) =>
      row(name, (tally) => share(tally[which].get(name) ?? 0, tally.parts)),
    )
  return [
    row('', ({ place }) => place),
    row('---', () => '---:'),
    row('messages', ({ mails }) => mails),
    row('messages of which no part is submitted separately', ({ withoutQuestion, mails }) =>
      share(withoutQuestion, mails),
    ),
    row('parts', ({ parts }) => parts),
    row('parts with a form', ({ forms, parts }) => share(sum(forms), parts)),
    ...rowsOf('forms'),
    row('parts without a form', ({ others, parts }) => share(sum(others), parts)),
    ...rowsOf('others'),
  ].join('\n')
}

/** The most frequent first. */
function namesIn(counts: readonly ReadonlyMap<string, number>[]): string[] {
  const names = [...new Set(counts.flatMap((each) => [...each.keys()]))]
  const total = (name: string) => counts.reduce((all, each) => all + (each.get(name) ?? 0), 0)
  return names.sort((one, other) => total(other) - total(one))
}

const sum = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((all, each) => all + each, 0)

function share(part: number, all: number): string {
  return part === 0 ? '0' : `${part} (${((100 * part) / all).toFixed(1)} %)`
}
