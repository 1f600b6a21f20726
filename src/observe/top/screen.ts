import type { ClamdState } from '../live/clamd-watch.ts'
import type { HistoryStep } from '../live/history.ts'
import type { Trial } from '../live/trial.ts'
import { describeRecord, formatSize, type TerminalColours } from '../log/describe-record.ts'
import type { LogRecord } from '../log/log-record.ts'
import { formatNumber } from '../report/format.ts'

/** The report of onescand's HTTP server about this moment. */
export interface LiveReport {
  readonly now: number
  readonly judging: number
  readonly processes: number
  readonly underway: readonly {
    readonly door: string
    readonly remote: string
    readonly from: string
    readonly size: number
    readonly seconds: number
  }[]
  readonly clamds: readonly ClamdState[]
  readonly trial?: Trial
  readonly step?: HistoryStep
  readonly decided: readonly LiveDecision[]
  /** The number of the last decision. A gap shows that decisions came which no event named. */
  readonly newest: number
}

export interface LiveDecision {
  readonly number: number
  readonly time: number
  readonly fields: Readonly<Record<string, string>>
}

export interface ScreenOptions {
  readonly paint: TerminalColours
  readonly width: number
  readonly height: number
  readonly clean: (text: string) => string
}

/** Describes a decision as `onescan log` describes a line. */
export function describeDecision(
  { time, fields }: LiveDecision,
  paint: TerminalColours,
  clean: (text: string) => string,
): string {
  const record: LogRecord = {
    time,
    host: '',
    fields: new Map(Object.entries(fields)),
    recipients: [],
  }
  return describeRecord(record, paint, clean)
}

/** Renders a screen as its lines. `steps` are those of the last day. */
export function renderScreen(
  place: string,
  live: LiveReport,
  steps: readonly HistoryStep[],
  decided: readonly LiveDecision[],
  form: ScreenOptions,
): string[] {
  const { paint, width, height, clean } = form
  const cut = (text: string) => (text.length > width ? `${text.slice(0, width - 1)}…` : text)
  const { trial, clamds, underway } = live
  const health = trial === undefined ? 'starting' : trial.right ? 'scanning' : `not scanning: ${trial.why}` // biome-ignore format: three ways
  const head = cut(clean(`onescand at ${place}: ${health}`))
  const lines = [
    trial?.right === false ? paint.bad(head) : paint.good(head),
    // Another program may answer instead of onescand, with text instead of numbers.
    cut(clean(sums(live, steps))),
    ...clamds.map((clamd) => {
      const text = cut(clean(clamdInWords(clamd, live.now)))
      return clamd.up ? text : paint.bad(text)
    }),
    '',
    ...underway.slice(0, Math.max(3, Math.floor(height / 4))).map((message) => {
      const from = message.from === '' ? '<>' : message.from
      const text = `${message.seconds} s ${message.door} ${message.remote} ${from} ${formatSize(message.size)}`
      return cut(clean(text))
    }),
    '',
  ]
  const room = Math.max(0, height - lines.length - 1)
  const newest = decided.slice(-room).reverse()
  // A line is cut before it gets its colour, whose characters take no width.
  const shown = newest.map((decision) => {
    const plain = describeDecision(decision, plainPaint, clean)
    return plain.length <= width ? describeDecision(decision, paint, clean) : cut(plain)
  })
  return [...lines, ...shown].slice(0, height - 1)
}

const same = (text: string) => text
const plainPaint: TerminalColours = { good: same, bad: same, odd: same, faint: same }

function sums({ judging, processes }: LiveReport, steps: readonly HistoryStep[]): string {
  const total = { messages: 0, keptOut: 0, deferred: 0, spared: 0 }
  for (const { decisions, scans } of steps) {
    for (const count of Object.values(decisions)) total.messages += count
    for (const word of ['reject', 'discard', 'quarantine']) total.keptOut += decisions[word] ?? 0
    total.deferred += decisions.defer ?? 0
    total.spared += (scans.trusted ?? 0) + (scans.known ?? 0)
  }
  const last = steps.at(-1)
  const time = last?.p50 == null ? '' : `, scans ${last.p50} ms, 95 % in ${last.p95} ms`
  return (
    `${judging} being judged by ${processes} processes${time}; in 24 h ${formatNumber(total.messages)} messages, ` +
    `${formatNumber(total.keptOut)} kept out, ${formatNumber(total.deferred)} deferred, ${formatNumber(total.spared)} scans spared`
  )
}

function clamdInWords({ server, up, text, version, made }: ClamdState, now: number): string {
  if (!up) return `clamd ${server} does not answer: ${text}`
  const age = made === undefined ? '' : `, ${Math.round((now - made) / 3_600_000)} hours old`
  return `clamd ${server}: ${version === undefined ? text : `signatures ${version}${age}`}`
}
