import { EventEmitter, once } from 'node:events'
import { closeSync, fstatSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { errorText, ifThere } from '../../../../base/errors/fault.ts'
import { type LogRecord, parseLogLine } from '../../../log/parsed-line.ts'
import { type LogFile, linesIn, openLogFile, outputOf } from '../../../log/read-log.ts'
import { complaintIn, type ServerComplaint } from './complaints.ts'

/** Upper limit for the stored lines about messages: onescan's own are few, and a loop has no end. */
const LINES_MAX = 1_000
/** Upper limit for the characters of a mail server's line that are read: Exim writes the longest, up to 8 KiB. */
const LINE_MAX = 8 * 1024
/** Milliseconds after which a log is looked at again. */
const LOOK_EVERY = 100
/** Milliseconds before this began that count as since then. */
const BLUR = 1_000
/** The bytes that are read at once. */
const CHUNK = 64 * 1024

/**
 * The log lines of Postfix about mail from the empty sender that it handles itself: header_checks(5),
 * access(5). They contain the queue id, except for a refused client, and the text.
 */
const OWN_RULE = /: (\w+): ((?:discard|reject|(?:milter-)?hold|redirect|filter): .*from=<> .*)/
/** Of those, the one by which a message waits for an administrator. */
const HOLD = /^(?:milter-)?hold: /
/** The queue id in a line about a message that has none yet. */
const NOT_QUEUED = 'NOQUEUE'
/** The log lines of Postfix, Sendmail and Exim about a received message: its queue id, and its Message-ID. */
const NUMBERED = [
  /: (\w+): (?:(?:resent-)?message-|from=.*, msg)id=(\S+)/,
  / ([\w-]+) <= .* id=(\S+)/,
]
/** Their lines about the outcome for a recipient. */
const DELIVERIES = [
  /: (\w+): to=.*, (stat(?:us)?=.+)/,
  // A milter's refusal, which Postfix logs before it bounces the mail of a local program.
  /: (\w+): (milter-reject: \S+ from \S+: 5.+)/,
  / ([\w-]{16,}) ((?:==|[=-]>|\*\*) .+)/,
]
/** A milter's refusal in DELIVERIES. */
export const MILTER_REFUSAL = /^milter-reject: /
/** Postfix's line about mail that it passed to a filter before the queue (smtpd_proxy_filter). */
const PROXIED = /: proxy-(?:accept|reject): END-OF-MESSAGE: |: connect to proxy filter /
/** Their wording for a later retry. */
const WAITS = /^(?:==|status=deferred|stat=(?:Deferred|queued))/
/** The class of a temporary outcome, for which Sendmail has many words: RFC 3463. */
const IS_TEMPORARY = /, dsn=4\./

/** The outcome of a message according to a mail server. */
interface DeliveryStatus {
  /** Whether the message is in its queue. */
  readonly waits: boolean
  readonly text: string
}

/** The new lines in logs about messages whose Message-ID has a mark. */
export class FollowedLog {
  readonly #mark: string
  readonly #records: LogRecord[] = []
  /** How often a log has each of them. */
  readonly #texts = new Map<string, number>()
  /** Lines about files without a Message-ID, from a client of clamd that submits parts of a message. */
  readonly #parts: LogRecord[] = []
  /** Message-IDs by the queue id of the mail server. */
  readonly #numbers = new Map<string, string>()
  readonly #deliveries: (DeliveryStatus & { readonly number: string })[] = []
  readonly #ownRules: { readonly number: string; readonly text: string }[] = []
  /** What mail servers complain of since this began, and at the end of a program before that. */
  #complaint: ServerComplaint | undefined
  #ended: ServerComplaint | undefined
  #complaintOfTls: ServerComplaint | undefined
  #hasProxy = false
  readonly #news = new EventEmitter()
  readonly #closed = new AbortController()
  /** A line for each log that cannot be read. */
  readonly faults: string[] = []

  constructor(logs: readonly LogFile[], mark: string) {
    this.#mark = mark
    // multilog has closed the others of a directory.
    const files = logs.filter(({ path, isFound }) => !isFound || !basename(path).startsWith('@'))
    for (const file of files) {
      const { signal } = this.#closed
      const [program, ...args] = file.command ?? []
      const bytes =
        program === undefined
          ? written(file, signal)
          : outputOf([program, '--follow', '--no-tail', ...args], signal)
      this.#read(bytes, program === undefined ? undefined : Date.now() - BLUR).catch((error) =>
        this.faults.push(errorText(error)),
      )
    }
  }

  /** The lines about a message so far. */
  recordsOf(id: string): LogRecord[] {
    return this.#records.filter(({ fields }) => fields.get('msgid')?.includes(id))
  }

  /** Returns whether a test mail arrived by this door. */
  hasSeen(name: string): boolean {
    return this.#records.some(({ fields }) => fields.get('interface') === name)
  }

  /** Whether Postfix passed mail to a filter before the queue, which mail of local programs does not meet. */
  get hasProxy(): boolean {
    return this.#hasProxy
  }

  /**
   * What mail servers of this host logged about the cause of a failure: since this began, or at the end of a program shortly
   * before, as Postfix does not start it again at once.
   */
  get complaint(): ServerComplaint | undefined {
    const now = this.#complaint
    return now?.isEnd ? firstOf(now, this.#ended) : (now ?? this.#ended)
  }

  /** The lines about parts of some mail that a client submitted by clamd's protocol. */
  get partRecords(): readonly LogRecord[] {
    return this.#parts
  }

  /** Resolves to them as soon as one has arrived, or after `within` milliseconds. */
  async waitForRecords(id: string, within: number): Promise<LogRecord[]> {
    await this.#until(() => this.recordsOf(id).length > 0, within)
    return this.recordsOf(id)
  }

  /** Resolves as soon as a log has the outcome of a message, deliveryOf(), or after `within` milliseconds. */
  waitForDelivery(id: string, within: number): Promise<void> {
    return this.#until(() => this.deliveryOf(id) !== undefined, within)
  }

  /**
   * Resolves as soon as a log has an outcome for each time that the mail server has queued a message, or that it holds it, or
   * after `within` milliseconds.
   */
  waitForOutcome(id: string, within: number): Promise<void> {
    const hasOutcome = (number: string) =>
      this.#deliveries.some((delivery) => delivery.number === number) ||
      this.#ownRules.some((rule) => rule.number === number && HOLD.test(rule.text))
    return this.#until(() => this.#numbersOf(id).every(hasOutcome), within)
  }

  /** What one logged about its certificates and keys. */
  get complaintOfTls(): ServerComplaint | undefined {
    return this.#complaintOfTls
  }

  /** Resolves to the complaint, after at most `within` milliseconds. */
  async waitForComplaint(within: number): Promise<ServerComplaint | undefined> {
    await this.#until(() => this.#complaint !== undefined, within)
    return this.complaint
  }

  async #until(isThere: () => boolean, within: number): Promise<void> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), within)
    try {
      while (!isThere() && !late.signal.aborted)
        await once(this.#news, 'lines', late).catch(() => {})
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Returns Postfix's own action on a message to this address, in its wording, if a log contains it. Postfix
   * may discard a recipient in SMTP, or a message at its first header: the line does not name the message, and
   * no other line does.
   */
  ownRuleFor(id: string, subject: string, address: string, isBySmtp: boolean): string | undefined {
    const found = this.#ownRules.filter(({ text }) => text.includes(` to=<${address}>`))
    const numbers = this.#numbersOf(id)
    const isAbout = ({ number, text }: { number: string; text: string }) =>
      numbers.includes(number) ||
      text.includes(` ${subject} `) ||
      (numbers.length === 0 && (number === NOT_QUEUED ? isBySmtp : this.#isOfNone(number, text)))
    return found.find(isAbout)?.text
  }

  /** Returns whether no line shows which message has this queue id, such as a rule about its subject. */
  #isOfNone = (number: string, text: string) =>
    !this.#numbers.has(number) && !/ header Subject: /.test(text)

  /**
   * Returns the rule by which Postfix holds a queued message to this address. It logs a rule about the recipient before the message
   * has a queue id.
   */
  holdOf(id: string, address: string): string | undefined {
    const holds = this.#ownRules.filter(
      ({ text }) => HOLD.test(text) && text.includes(` to=<${address}>`),
    )
    const numbers = this.#numbersOf(id)
    const own = holds.find(({ number }) => numbers.includes(number))
    return (own ?? holds.find(({ number }) => number === NOT_QUEUED))?.text
  }

  /**
   * Returns the outcome of a message according to the mail server, if a log contains it, with the reason for
   * a delay, or a milter's refusal. A filter after the queue returns it to another place in the queue.
   */
  deliveryOf(id: string): DeliveryStatus | undefined {
    const numbers = this.#numbersOf(id)
    const matching = this.#deliveries.filter(({ number }) => numbers.includes(number))
    const last = matching.at(-1)
    if (last === undefined) return undefined
    const refusal = matching.find(({ text }) => MILTER_REFUSAL.test(text))
    const of = (number: string) => matching.filter((delivery) => delivery.number === number)
    const waiting = numbers.find((number) => of(number).at(-1)?.waits)
    const reason = waiting === undefined ? last : of(waiting)[0]!
    return { waits: waiting !== undefined, text: (refusal ?? reason).text }
  }

  /** Returns whether the mail server has put a message into its queue. */
  isNumbered(id: string): boolean {
    return this.#numbersOf(id).length > 0
  }

  /** Returns whether it has, and no log has an outcome for the message yet. */
  isUntried(id: string): boolean {
    return this.isNumbered(id) && this.deliveryOf(id) === undefined
  }

  #numbersOf(id: string): string[] {
    return [...this.#numbers].flatMap(([number, of]) => (of.includes(id) ? [number] : []))
  }

  close(): void {
    this.#closed.abort()
  }

  #note(complaint: ServerComplaint | undefined): void {
    if (complaint?.isAboutTls) this.#complaintOfTls ??= complaint
    else this.#complaint = firstOf(this.#complaint, complaint)
  }

  #readMailServer(lines: readonly string[]): void {
    for (const whole of lines) {
      const line = whole.slice(0, LINE_MAX)
      const [, number = '', id = ''] = (line.includes(this.#mark) && matchOf(NUMBERED, line)) || []
      if (id !== '' && this.#numbers.size < LINES_MAX) this.#numbers.set(number, id)
      this.#hasProxy ||= PROXIED.test(line)
      this.#note(complaintIn(line))
      const [, queueId = '', text] = matchOf(DELIVERIES, line) ?? []
      if (text !== undefined && this.#numbers.has(queueId) && this.#deliveries.length < LINES_MAX)
        this.#deliveries.push({
          number: queueId,
          text,
          waits: WAITS.test(text) || isTemporary(line),
        })
      const [, of = '', rule] = (line.includes(' from=<> ') && OWN_RULE.exec(line)) || []
      if (rule !== undefined && this.#ownRules.length < LINES_MAX)
        this.#ownRules.push({ number: of, text: rule })
    }
  }

  /** Returns whether no other log has this line: syslog and the journal may both have it. `own` counts those of this log. */
  #isNew({ fields }: LogRecord, own: Map<string, number>): boolean {
    const text = JSON.stringify([...fields])
    const count = (own.get(text) ?? 0) + 1
    if (own.size < LINES_MAX) own.set(text, count)
    if (count <= (this.#texts.get(text) ?? 0)) return false
    if (this.#texts.size < LINES_MAX) this.#texts.set(text, count)
    return true
  }

  /** Reads a log. Lines before `began`, of the journal, count only for the end of a program. */
  async #read(bytes: AsyncIterable<Buffer>, began: number | undefined): Promise<void> {
    const own = new Map<string, number>()
    const isBefore = (line: string) =>
      began !== undefined && Date.parse(line.slice(0, line.indexOf(' '))) < began
    for await (const all of linesIn(bytes)) {
      const lines = all.filter((line) => !isBefore(line))
      for (const line of all.length > lines.length ? all.filter(isBefore) : []) {
        const complaint = complaintIn(line.slice(0, LINE_MAX))
        if (complaint?.isEnd) this.#ended = firstOf(this.#ended, complaint)
      }
      this.#readMailServer(lines)
      const ours = lines.filter((line) => line.includes(this.#mark))
      const records = ours.flatMap((line) => parseLogLine(line, Date.now()) ?? [])
      const parts = lines.filter(
        (line) => line.includes(' interface=clamd ') && !/ msgid=/.test(line),
      )
      const judged = parts.flatMap((line) => parseLogLine(line, Date.now()) ?? [])
      this.#parts.push(...judged.slice(0, LINES_MAX - this.#parts.length))
      const decided = records.filter(
        (record) => record.fields.has('decision') && this.#isNew(record, own),
      )
      this.#records.push(...decided.slice(0, LINES_MAX - this.#records.length))
      this.#news.emit('lines')
    }
  }
}

/** Returns the one that shows the cause. */
const firstOf = (one: ServerComplaint | undefined, other: ServerComplaint | undefined) =>
  one === undefined || (other !== undefined && other.rank < one.rank) ? other : one

const isTemporary = (line: string) => line.includes(', stat=') && IS_TEMPORARY.test(line)

const matchOf = (expressions: readonly RegExp[], line: string) =>
  expressions.map((expression) => expression.exec(line)).find((match) => match !== null)

/**
 * Yields the new bytes of a log, and of the file that replaces it when it is full. Throws if it is not, or
 * does not stay, such a file.
 *
 * tail(1) would follow a link of the log's owner, who may have fewer rights than this process. Here each file
 * is opened by the rules of openLogFile(), and read by its descriptor.
 */
async function* written(log: LogFile, ended: AbortSignal): AsyncGenerator<Buffer> {
  let fd = openLogFile(log, (file) => file.open())
  let next: number | undefined
  try {
    let position = fstatSync(fd).size
    while (!ended.aborted) {
      next ??= openAnother(log, fd)
      const piece = readAt(fd, position)
      position += piece.length
      if (piece.length > 0) yield piece
      else if (next !== undefined) {
        closeSync(fd)
        fd = next
        next = undefined
        position = 0
      }
      await wait(piece.length > 0 ? 0 : LOOK_EVERY, undefined, { ref: false })
      if (fstatSync(fd).size < position) position = 0 // it was emptied
    }
  } finally {
    closeSync(fd)
    if (next !== undefined) closeSync(next)
  }
}

/** Opens the file at the path of a log if it differs from the open one. */
function openAnother(log: LogFile, open: number): number | undefined {
  const fd = ifThere(() => openLogFile(log, (file) => file.open()))
  if (fd === undefined) return undefined // it is being exchanged
  const [before, now] = [fstatSync(open), fstatSync(fd)]
  if (before.ino !== now.ino || before.dev !== now.dev) return fd
  closeSync(fd)
  return undefined
}

function readAt(fd: number, position: number): Buffer {
  const piece = Buffer.alloc(CHUNK)
  return piece.subarray(0, readSync(fd, piece, 0, CHUNK, position))
}
