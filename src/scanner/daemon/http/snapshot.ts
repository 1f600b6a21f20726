import type { ServerResponse } from 'node:http'
import { fieldsIn, loggedValue, type WrittenField } from '../../log/parsed-line.ts'
import { DECISIONS_KEPT, type LoggedDecision } from '../../observe/live/history.ts'
import type { Observer } from '../../observe/live/observer.ts'
import { type Cause, causesInWords } from '../../scan/scanners/findings/scan-result.ts'

/** Fields of a log line that hold addresses. */
const ADDRESSES = ['from', 'to', 'remote', 'rcpt']
/** Fields whose text other servers may have written, or that quote it. */
const TEXTS = ['next', 'reason']
/** The ending of a file's name. */
const ENDING = /\.[a-z\d]{1,8}$/i
/** An address in any other field. */
const ADDRESS = /[^\s<>()[\],;:"]{1,320}@[^\s<>()[\],;:"]+/g
/** An IP address: the text by which a server refuses a client may contain the client's address. */
const IP_ADDRESS =
  /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?:\.\d{1,3}){0,3}/gi
/** The codes with which a server's reply begins. */
const CODES = /^\d{3}(?: \d\.\d{1,3}\.\d{1,3})?(?= |$)/
/** The replacement for a hidden address. */
const HIDDEN = '(hidden)'

/** A decision as the page gets it: the log line, and its fields. */
interface ShownDecision {
  readonly number: number
  readonly time: number
  readonly fields: Readonly<Record<string, string>>
  readonly line: string
  /** What a deferred message waits for, or why a message could not be scanned, as text. */
  readonly waits: string | undefined
}

export interface SnapshotOptions {
  /** The onescand that the page is about: `does` has a line for each door about its handling of mail. */
  readonly about: () => {
    readonly host: string
    readonly version: string
    readonly does: readonly string[]
  }
  /** Returns faults in the settings of other programs, such as a clamd. */
  readonly amiss: () => readonly string[]
  /** Whether addresses of mail and of clients are hidden from the page. */
  readonly hidesAddresses: boolean
}

/** Returns a decision as the page gets it. */
export function showDecision(
  { number, time, line }: LoggedDecision,
  hidesAddresses: boolean,
): ShownDecision {
  const written = [...fieldsIn(line)].map((field) =>
    hidesAddresses ? withoutAddresses(field) : field,
  )
  const fields = Object.fromEntries(written.map((field) => [field.key, loggedValue(field)]))
  const waits = waitsFor(fields)
  if (!hidesAddresses) return { number, time, fields, line, waits }
  const words = written.map(({ key, value, isQuoted }) =>
    isQuoted ? `${key}="${value}"` : `${key}=${value}`,
  )
  return { number, time, fields, line: ['onescan:', ...words].join(' '), waits }
}

function waitsFor({ cause, fault, reason, grounds, decision }: ShownDecision['fields']) {
  if (cause !== undefined) return causesInWords[cause as Cause]
  if (fault !== undefined) return reason ?? fault
  return decision === 'defer' && grounds === 'over-quota' ? 'the mailbox is full' : undefined
}

/**
 * Hides addresses anywhere in a field. A Message-ID stays: it is not an address, and people search for mail
 * by it. Of a server's reply, and of a text with an @, only the codes stay, because the text may contain an
 * address in any form. Of the name of a banned attachment, which senders choose, only the extension stays.
 */
function withoutAddresses(field: WrittenField): WrittenField {
  const { key, value } = field
  if (key === 'msgid') return field
  if (ADDRESSES.includes(key)) return { key, value: HIDDEN, isQuoted: false }
  if (key === 'banned') return { ...field, value: `${HIDDEN}${ENDING.exec(value)?.[0] ?? ''}` }
  const [codes] = CODES.exec(value) ?? []
  if (TEXTS.includes(key) && (codes !== undefined || value.includes('@'))) {
    return { ...field, value: codes === undefined ? HIDDEN : `${codes} ${HIDDEN}` }
  }
  return { ...field, value: value.replace(ADDRESS, HIDDEN).replace(IP_ADDRESS, HIDDEN) }
}

/** Returns the part of the state that changes from one second to the next, except decisions. */
function liveState(
  observer: Observer,
  { hidesAddresses, amiss }: Pick<SnapshotOptions, 'hidesAddresses' | 'amiss'>,
) {
  const { processes, clamds, selfTest, history } = observer
  const now = Date.now()
  const underway = processes
    .flatMap((process) => process.underway)
    .sort((message, other) => message.since - other.since)
    .slice(0, 20)
    .map(({ interfaceName, remote, from, size, since }) => ({
      door: interfaceName,
      remote: hidesAddresses ? HIDDEN : (remote ?? ''),
      from: hidesAddresses ? HIDDEN : from,
      size,
      seconds: Math.max(0, Math.round((now - since) / 1000)),
    }))
  const steps = history.steps(now)
  return {
    now,
    /** The number of the last decision, by which a page detects missed ones and requests the whole state. */
    newest: history.decided.at(-1)?.number ?? 0,
    judging: processes.reduce((sum, { judging }) => sum + judging, 0),
    processes: processes.length,
    underway,
    clamds,
    selfTest,
    amiss: amiss(),
    /** The step of the plot that is not complete yet. */
    step: steps.at(-1),
  }
}

/** The whole state, and what a page receives once a second after that. */
export type PageState = ReturnType<typeof snapshot>
export type PageUpdate = ReturnType<typeof liveState> & Pick<PageState, 'decided'>

/** Returns everything that the page shows, for a page that was just opened. */
export function snapshot(observer: Observer, options: SnapshotOptions) {
  const { hidesAddresses } = options
  const about = options.about()
  return {
    // These lines may name the address that viruses are sent to.
    about: hidesAddresses ? { ...about, does: [] } : about,
    ...liveState(observer, options),
    steps: observer.history.steps(Date.now()),
    decided: observer.history.decided.map((decided) => showDecision(decided, hidesAddresses)),
  }
}

/** Maximum number of pages that are kept up to date. */
const PAGES_MAX = 200
/** Upper limit, in bytes, for unsent data of a page. */
const BEHIND_MAX = 1024 * 1024
/** Milliseconds between two events. */
const EVENT_EVERY = 1000

/**
 * The pages that are kept up to date, by server-sent events (WHATWG HTML 9.2): each event is
 * encoded once for all of them.
 */
export class PageEvents {
  readonly #observer: Observer
  readonly #options: SnapshotOptions
  readonly #pages = new Set<ServerResponse>()
  readonly #timer = setInterval(() => this.#send(), EVENT_EVERY).unref()
  /** The decisions since the last event, up to the number that a page shows. */
  #fresh: LoggedDecision[] = []

  constructor(observer: Observer, options: SnapshotOptions) {
    this.#observer = observer
    this.#options = options
    observer.follow((decided) => {
      if (this.#pages.size === 0) return
      this.#fresh = [...this.#fresh, ...decided].slice(-DECISIONS_KEPT)
    })
  }

  /** Keeps a page up to date until it disconnects. Returns false if there are too many pages. */
  join(page: ServerResponse): boolean {
    if (this.#pages.size >= PAGES_MAX) return false
    this.#pages.add(page)
    page.on('close', () => this.#pages.delete(page))
    page.on('error', () => this.#pages.delete(page))
    page.write('retry: 2000\n\n')
    return true
  }

  close(): void {
    clearInterval(this.#timer)
    for (const page of this.#pages) page.destroy()
  }

  #send(): void {
    const fresh = this.#fresh
    this.#fresh = []
    if (this.#pages.size === 0) return
    const { hidesAddresses } = this.#options
    const decided = fresh.map((decision) => showDecision(decision, hidesAddresses))
    const update: PageUpdate = { ...liveState(this.#observer, this.#options), decided }
    const event = `data: ${JSON.stringify(update)}\n\n`
    for (const page of this.#pages) {
      if (page.writableLength > BEHIND_MAX) page.destroy()
      else page.write(event)
    }
  }
}
