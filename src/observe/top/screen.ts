import type { ClamdState } from '../live/clamd-watch.ts'
import type { Step } from '../live/history.ts'
import type { Trial } from '../live/trial.ts'
import type { Entry } from '../log/entries.ts'
import { inWords, type Paint, sizeInWords } from '../log/in-words.ts'
import { numberInWords } from '../report/words.ts'

/** The http place's report of this moment. */
export interface Live {
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
  readonly step?: Step
  readonly decided: readonly LiveDecided[]
  /** The number of the last decision: of what came between two questions an event tells nothing. */
  readonly newest: number
}

export interface LiveDecided {
  readonly number: number
  readonly time: number
  readonly fields: Readonly<Record<string, string>>
}

export interface ScreenForm {
  readonly paint: Paint
  readonly width: number
  readonly height: number
  readonly clean: (text: string) => string
}

/** One decision, as a line of the log is shown. */
export function decidedInWords(
  { time, fields }: LiveDecided,
  paint: Paint,
  clean: (text: string) => string,
): string {
  const entry: Entry = { time, host: '', fields: new Map(Object.entries(fields)), recipients: [] }
  return inWords(entry, paint, clean)
}

/** A screen full, line by line; `steps` are those of the last day. */
export function screen(
  place: string,
  live: Live,
  steps: readonly Step[],
  decided: readonly LiveDecided[],
  form: ScreenForm,
): string[] {
  const { paint, width, height, clean } = form
  const cut = (text: string) => (text.length > width ? `${text.slice(0, width - 1)}…` : text)
  const { trial, clamds, underway } = live
  const health = trial === undefined ? 'starting' : trial.right ? 'scanning' : `not scanning: ${trial.why}` // biome-ignore format: three ways
  const head = cut(clean(`onescand at ${place}: ${health}`))
  const lines = [
    trial?.right === false ? paint.bad(head) : paint.good(head),
    // Another program may answer there, with other things than numbers.
    cut(clean(sums(live, steps))),
    ...clamds.map((clamd) => {
      const text = cut(clean(clamdInWords(clamd, live.now)))
      return clamd.up ? text : paint.bad(text)
    }),
    '',
    ...underway.slice(0, Math.max(3, Math.floor(height / 4))).map((message) => {
      const from = message.from === '' ? '<>' : message.from
      const text = `${message.seconds} s ${message.door} ${message.remote} ${from} ${sizeInWords(message.size)}`
      return cut(clean(text))
    }),
    '',
  ]
  const room = Math.max(0, height - lines.length - 1)
  const newest = decided.slice(-room).reverse()
  // Cut before it is painted: a colour has no width.
  const shown = newest.map((decision) => {
    const plain = decidedInWords(decision, plainPaint, clean)
    return plain.length <= width ? decidedInWords(decision, paint, clean) : cut(plain)
  })
  return [...lines, ...shown].slice(0, height - 1)
}

const same = (text: string) => text
const plainPaint: Paint = { good: same, bad: same, odd: same, faint: same }

function sums({ judging, processes }: Live, steps: readonly Step[]): string {
  const total = { messages: 0, kept: 0, deferred: 0, spared: 0 }
  for (const { decisions, scans } of steps) {
    for (const count of Object.values(decisions)) total.messages += count
    for (const word of ['reject', 'discard', 'quarantine']) total.kept += decisions[word] ?? 0
    total.deferred += decisions.defer ?? 0
    total.spared += (scans.trusted ?? 0) + (scans.known ?? 0)
  }
  const last = steps.at(-1)
  const time = last?.p50 == null ? '' : `, scans ${last.p50} ms, 95 % in ${last.p95} ms`
  return (
    `${judging} being judged by ${processes} processes${time}; in 24 h ${numberInWords(total.messages)} messages, ` +
    `${numberInWords(total.kept)} kept out, ${numberInWords(total.deferred)} deferred, ${numberInWords(total.spared)} scans spared`
  )
}

function clamdInWords({ server, up, text, version, made }: ClamdState, now: number): string {
  if (!up) return `clamd ${server} does not answer: ${text}`
  const age = made === undefined ? '' : `, ${Math.round((now - made) / 3_600_000)} hours old`
  return `clamd ${server}: ${version === undefined ? text : `signatures ${version}${age}`}`
}
