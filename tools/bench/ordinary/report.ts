import { type Machine, machineText } from '../machine.ts'
import { median } from '../report.ts'
import type { Mail } from './mails.ts'
import type { Profile } from './profile.ts'
import type { Outcome } from './send.ts'

/** What `npm run bench:ordinary` writes into ordinary.json. */
export interface Results {
  readonly machine: Machine
  readonly places: readonly string[]
  readonly settings: Readonly<Record<string, string>>
  readonly database: string
  /** Each mail, by default. */
  readonly passed: readonly Passed[]
  /** What was accepted; empty if only refusals were asked for. */
  readonly measured: readonly Measured[]
  /** Where onescand spent its time on these; undefined if nothing was measured on Node. */
  readonly profiles: { readonly default: Profile; readonly never: Profile } | undefined
}

export interface Passed {
  readonly mail: Mail
  readonly outcome: Outcome
}

/** What an accepted mail costs, by default and with SECONDLOOK=never. */
export interface Measured {
  readonly name: string
  readonly size: number
  readonly default: Cost
  readonly never: Cost
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

/** The least share that is shown; ordinary.json has all. */
const SHARE_SHOWN = 0.01

/** A run in Markdown. */
export function report(results: Results): string {
  const { machine, places, settings, database, passed, measured, profiles } = results
  const set = Object.entries(settings).map(([name, value]) => `, ${name}=${value}`)
  return [
    `${machineText(machine)}; clamd with ${database}${set.join('')}.`,
    `${places.join(', ')}: ${passed.length} mails of ${megabytes(passed)} MB.`,
    ...decisionLines(passed),
    measured.length === 0 ? '' : costTable(measured),
    measured.length === 0 ? '' : dearest(measured),
    profiles === undefined ? '' : profileTables(profiles),
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
  return groupsOf(passed, ({ outcome }) => outcome.why).map(([why, those]) => {
    const names = those.slice(0, NAMES_SHOWN).map(({ mail }) => `  ${mail.name}\n`)
    const more = those.length > NAMES_SHOWN ? `  and ${those.length - NAMES_SHOWN} more\n` : ''
    return `${decision} ${those.length}: ${why}\n${names.join('')}${more}`.trimEnd()
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
function costTable(measured: readonly Measured[]): string {
  const rest = byCost(measured).slice(Math.ceil(measured.length / 100))
  const head = [
    'ms of processor time a mail, one at a time',
    'questions to clamd: mean, median, most',
    'onescand',
    'clamd',
    'both',
  ]
  return [
    [`| ${head.join(' | ')} |`],
    [`| ${head.map(() => '---').join(' | ')} |`],
    rowsOf(`${measured.length} accepted`, measured),
    rest.length === 0 ? [] : rowsOf(`without the dearest ${measured.length - rest.length}`, rest),
  ]
    .flat()
    .join('\n')
}

function rowsOf(title: string, measured: readonly Measured[]): string[] {
  const sum = (costs: readonly Cost[], part: (cost: Cost) => number) =>
    costs.reduce((total, cost) => total + part(cost), 0)
  const ways = (['default', 'never'] as const).map((way) => {
    const costs = measured.map((mail) => mail[way])
    const questions = costs.map(({ questions }) => questions)
    const mean = sum(costs, ({ questions }) => questions) / costs.length
    return {
      way,
      questions: `${mean.toFixed(2)}, ${median(questions)}, ${Math.max(...questions)}`,
      parts: [({ onescand }: Cost) => onescand, ({ clamd }: Cost) => clamd, processor].map(
        (part) => sum(costs, part) / costs.length,
      ),
    }
  })
  const [byDefault, byNever] = ways.map(({ parts }) => parts)
  const rows = ways.map(({ way, questions, parts }) => [
    `${title}, ${way}`,
    questions,
    ...parts.map((ms) => ms.toFixed(2)),
  ])
  const ratios = byDefault!.map((ms, part) => (ms / byNever![part]!).toFixed(2))
  return [...rows, [`${title}, default over never`, '', ...ratios]].map(
    (cells) => `| ${cells.join(' | ')} |`,
  )
}

const processor = ({ onescand, clamd }: Cost) => onescand + clamd

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

function profileTables(profiles: NonNullable<Results['profiles']>): string {
  return [shareTable('room', profiles), shareTable('function', profiles)].join('\n\n')
}

function shareTable(
  what: 'room' | 'function',
  { default: byDefault, never }: NonNullable<Results['profiles']>,
): string {
  const [ofDefault, ofNever] = [byDefault, never].map((profile) => {
    const shares = what === 'room' ? profile.rooms : profile.functions
    return new Map(shares.map(({ name, share }) => [name, share]))
  })
  const names = [...new Set([...ofDefault!.keys(), ...ofNever!.keys()])]
  const rows = names
    .map((name) => ({ name, shares: [ofDefault!.get(name) ?? 0, ofNever!.get(name) ?? 0] }))
    .filter(({ shares }) => Math.max(...shares) >= SHARE_SHOWN)
    .map(({ name, shares }) => [name, ...shares.map((share) => (100 * share).toFixed(1))])
  const head = [`${what}: % of onescand's CPU time`, 'default', 'never']
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function megabytes(passed: readonly Passed[]): string {
  return (passed.reduce((sum, { mail }) => sum + mail.size, 0) / 1e6).toFixed(1)
}
