import { type Machine, machineText } from '../machine.ts'
import { medianOf, withRange } from '../report.ts'
import type { Mail } from './mails.ts'
import type { Outcome } from './send.ts'

/** What `npm run bench:ordinary` writes into ordinary.json. */
export interface Results {
  readonly machine: Machine
  readonly places: readonly string[]
  readonly settings: Readonly<Record<string, string>>
  readonly database: string
  /** Each mail, by default. */
  readonly passed: readonly Passed[]
  /** Each round, with what was accepted; empty if only refusals were asked for. */
  readonly measured: readonly Round[]
}

export interface Passed {
  readonly mail: Mail
  readonly outcome: Outcome
}

/** All accepted mails, through processes that were started for them. */
export type Round = readonly Measured[]

/** Ways in which mail is scanned: by default, with SECONDLOOK=never, and by default with other programs (`--over`). */
const WAYS = ['default', 'never', 'other'] as const
export type Way = (typeof WAYS)[number]

/** What an accepted mail costs in each way. */
export interface Measured {
  readonly name: string
  readonly size: number
  readonly default: Cost
  readonly never: Cost
  readonly other?: Cost
}

/** Of a message that is alone. */
export interface Cost {
  readonly decision: Outcome['decision']
  /** Of the slot, from its start until the mail is queued. */
  readonly ms: number
  /** Scans that clamd answered. */
  readonly questions: number
  /** Milliseconds of processor time. */
  readonly onescand: number
  readonly clamd: number
}

/** Names that are shown of those with one reason; ordinary.json has all. */
const NAMES_SHOWN = 10
const DEAREST_SHOWN = 10

/** A run in Markdown. */
export function report(results: Results): string {
  const { machine, places, settings, database, passed, measured } = results
  const set = Object.entries(settings).map(([name, value]) => `, ${name}=${value}`)
  return [
    `${machineText(machine)}; clamd with ${database}${set.join('')}.`,
    `${places.join(', ')}: ${passed.length} mails of ${megabytes(passed)} MB.`,
    ...decisionLines(passed),
    measured.length === 0 ? '' : costTable(measured),
    measured.length === 0 ? '' : dearest(measured[0]!),
  ]
    .filter(Boolean)
    .join('\n\n')
}

function decisionLines(passed: readonly Passed[]): string[] {
  const counts = (['refused', 'deferred'] as const).map((decision) => {
    const those = passed.filter(({ outcome }) => outcome.decision === decision)
    return { decision, those }
  })
  const share = (part: number) => `${part} (${((100 * part) / passed.length).toFixed(2)} %)`
  const infected = passed.filter(({ outcome }) => outcome.isInfected).length
  const first = counts.map(({ decision, those }) => `${decision} ${share(those.length)}`)
  const odd = countWords(passed.flatMap(({ outcome }) => outcome.odd))
  return [
    `${first.join(', ')}; infected ${infected}; odd: ${odd || 'none'}.`,
    ...counts.flatMap(({ decision, those }) => reasons(decision, those)),
  ]
}

/** A paragraph for each reason, the most frequent first. */
function reasons(decision: string, passed: readonly Passed[]): string[] {
  return groupsOf(passed, ({ outcome }) => outcome.reason).map(([reason, those]) => {
    const names = those.slice(0, NAMES_SHOWN).map(({ mail }) => `  ${mail.name}\n`)
    const more = those.length > NAMES_SHOWN ? `  and ${those.length - NAMES_SHOWN} more\n` : ''
    return `${decision} ${those.length}: ${reason}\n${names.join('')}${more}`.trimEnd()
  })
}

function countWords(words: readonly string[]): string {
  return groupsOf(words, (word) => word)
    .map(([word, those]) => `${word} ${those.length}`)
    .join(', ')
}

/** The largest group first. */
function groupsOf<Item>(items: readonly Item[], keyOf: (item: Item) => string): [string, Item[]][] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length)
}

/** Of all; and without the dearest, of which few outweigh all others. */
function costTable(rounds: readonly Round[]): string {
  const all = rounds[0]!.length
  const few = Math.ceil(all / 100)
  const head = [
    `ms of processor time a mail, one at a time, median of ${rounds.length} rounds`,
    'questions to clamd: mean, median, most',
    'onescand',
    'clamd',
    'both',
  ]
  const rest = rounds.map((round) => byCost(round).slice(few))
  return [
    [`| ${head.join(' | ')} |`],
    [`| ${head.map(() => '---').join(' | ')} |`],
    rowsOf(`${all} accepted`, rounds),
    all === few ? [] : rowsOf(`without the dearest ${few}`, rest),
  ]
    .flat()
    .join('\n')
}

/** The ratios that are shown: the first way over the second. */
const COMPARED = [
  ['default', 'never'],
  ['default', 'other'],
  ['never', 'other'],
] as const satisfies readonly (readonly [way: Way, base: Way])[]

function rowsOf(title: string, rounds: readonly Round[]): string[] {
  const ways = WAYS.filter((way) => rounds[0]![0]![way])
  const rows = ways.map((way) => {
    const times = PARTS.map((part) => medianOf(rounds.map((round) => mean(round, way, part))))
    const counts = rounds[0]!.map((mail) => mail[way]!.questions)
    const ofAll = mean(rounds[0]!, way, ({ questions }) => questions).toFixed(2)
    const asked = `${ofAll}, ${medianOf(counts)}, ${Math.max(...counts)}`
    return [`${title}, ${way}`, asked, ...times.map((ms) => ms.toFixed(2))]
  })
  const ratios = COMPARED.filter(([, base]) => ways.includes(base)).map(([way, base]) => [
    `${title}, ${way} over ${base}`,
    '',
    ...PARTS.map((part) =>
      withRange(rounds.map((round) => mean(round, way, part) / mean(round, base, part))),
    ),
  ])
  return [...rows, ...ratios].map((cells) => `| ${cells.join(' | ')} |`)
}

function mean(round: Round, way: Way, part: (cost: Cost) => number): number {
  return round.reduce((total, mail) => total + part(mail[way]!), 0) / round.length
}

const processor = ({ onescand, clamd }: Cost) => onescand + clamd

/** The columns of the table. */
const PARTS = [({ onescand }: Cost) => onescand, ({ clamd }: Cost) => clamd, processor]

/** The dearest by default first. */
const byCost = (measured: readonly Measured[]) =>
  measured.toSorted((a, b) => processor(b.default) - processor(a.default))

function dearest(measured: readonly Measured[]): string {
  const lines = byCost(measured)
    .slice(0, DEAREST_SHOWN)
    .map(({ name, size, default: byDefault, never }) => {
      const [one, other] = [byDefault, never].map((cost) => processor(cost).toFixed(0))
      const { questions } = byDefault
      return `  ${one} ms, never ${other} ms; ${questions} questions, ${(size / 1000).toFixed(1)} KB: ${name}`
    })
  const most = measured
    .toSorted((a, b) => b.default.questions - a.default.questions)
    .slice(0, DEAREST_SHOWN)
    .map(({ name, default: { questions } }) => `  ${questions}: ${name}`)
  return `dearest:\n${lines.join('\n')}\n\nmost questions:\n${most.join('\n')}`
}

function megabytes(passed: readonly Passed[]): string {
  return (passed.reduce((sum, { mail }) => sum + mail.size, 0) / 1e6).toFixed(1)
}
