import { LRUCache } from 'lru-cache'
import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { CommonMarks } from './common-marks.ts'
import type { InHand } from './in-hand.ts'

/** Milliseconds within which failed scans of a message are counted together. */
export const COUNTED_FOR = 24 * 3600 * 1000
/** Milliseconds for which a message is not scanned after too many of them. */
export const LEFT_ALONE_FOR = 3600 * 1000
/** Most messages whose failed scans are remembered. */
const MESSAGES_MAX = 1000
/** Milliseconds after a death for which other mail does not go to the scanner that suspects get. */
const APART_FOR = 60_000
/**
 * Milliseconds after which all processes have reported the messages that were with a scanner when it
 * died.
 */
export const TOLD_WITHIN = 50

/** The messages that are withheld from scanners now. */
export interface Withheld {
  readonly messages: number
  /** Milliseconds until the first and the last of them may be scanned again. */
  readonly soonest: number
  readonly latest: number
}

export interface PoisonCounters {
  /** Suspects that were scanned one after another. */
  readonly isolated: number
  /** Messages that were not scanned, for a mark that they share with messages that scanners died of. */
  readonly heldBack: number
}

export interface ScanTurn {
  readonly kind: 'turn'
  /** Whether the message is a suspect, so that other mail is kept away from its scanner. */
  readonly isSuspect: boolean
  /** Call it when the scan is over. */
  end(): void
}

export interface HeldBack {
  readonly kind: 'held back'
  /** What the message has in common with others, such as `client 192.0.2.1`. */
  readonly mark: string
}

/**
 * What a process reports about a message to the others of the host: that a scan of it failed; the same
 * for a suspect; that the failure counts against it; that it got an answer.
 */
export interface PoisonEvent extends InHand {
  readonly is: 'harmed' | 'harmed again' | 'struck' | 'answered'
}

export interface PoisonOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime?: () => number
  /** Reports to the other processes. */
  readonly tell?: (event: PoisonEvent) => void
  /** Resolves when the reports of the other processes about the same death have come. */
  readonly allHaveTold?: () => Promise<void>
}

/**
 * Remembers messages whose scan killed the scanner, or took all of its time, by their exact fingerprints.
 *
 * When a scanner dies, it had several messages, and one of them was the reason. Scanning them again
 * shows which:
 *
 * - All of them are suspects. Suspects are scanned one after another, while other mail is scanned as
 *   ever. A suspect that gets an answer is none any more.
 * - If a scan fails alone, the failure counts against its message.
 * - If several scans fail at the same time, and only one of the messages was a suspect, the failure
 *   counts against this one. Otherwise it counts against none of them.
 *
 * A message that kills each time is found, however much other mail there is. A message that only
 * happened to be there gets its answer when it is scanned again, as a suspect. It could be taken for
 * poison only if a new killer came at each of its scans.
 *
 * If two processes of a host scan a suspect each, and both scans fail, each hears of the other failure,
 * and neither counts. Nothing is heard from other hosts that share a scanner.
 *
 * A sender of poison may change it each time, so that its fingerprint is always new. After some deaths
 * messages are therefore suspects before their first scan if they have in common what the messages at
 * these deaths had (common-marks.ts). Each of them waits for its turn. After each death all of them
 * wait for longer.
 */
export class Poison {
  /** Milliseconds on the clock of `harmed`. */
  readonly uptime: () => number
  readonly #tell: (event: PoisonEvent) => void
  readonly #allHaveTold: () => Promise<void>
  /** The suspects by their fingerprints. (ground/flow/lru-cache.ts does not list what it has.) */
  readonly #suspects = new LRUCache<string, Suspect>({ max: MESSAGES_MAX })
  readonly #common: CommonMarks
  /** The failed scans, in the order of their ends. */
  #ends: readonly FailedScan[] = []
  /**
   * The queue of suspects, and before it a queue of messages that are suspected for a mark: of these the
   * next one waits for a pause, too.
   */
  readonly #lane = new SerialQueue()
  readonly #bearers = new SerialQueue()
  readonly #counters = { isolated: 0, heldBack: 0 }

  constructor({
    uptime = () => performance.now(),
    tell = () => {},
    allHaveTold = () => wait(TOLD_WITHIN),
  }: PoisonOptions = {}) {
    this.uptime = uptime
    this.#tell = tell
    this.#allHaveTold = allHaveTold
    this.#common = new CommonMarks(uptime)
  }

  /** Counted since the process began. */
  get counters(): PoisonCounters {
    return this.#counters
  }

  /** Whether scanners died lately, so that some messages may be suspects. */
  get isAny(): boolean {
    const last = this.#ends.at(-1)
    return last !== undefined && this.uptime() - last.at < APART_FOR
  }

  /** Returns milliseconds for which this message is not to be scanned; undefined if it may be. */
  leftAloneFor(fingerprint: string, tries: number): number | undefined {
    const suspect = this.#suspectOf(fingerprint)
    return suspect && this.#leftAlone(suspect, tries)
  }

  /**
   * Resolves when the message may be scanned: at once if it is not a suspect. A suspect waits for the
   * suspects before it, `patience` milliseconds at most: a slow one must not keep the others from being
   * scanned. After that time it is scanned all the same; but if it is suspected for a mark, it is held
   * back: not scanned now.
   */
  async turn({ fingerprint, marks }: InHand, patience: number): Promise<ScanTurn | HeldBack> {
    const common = this.#common
    const until = this.uptime() + patience
    const bearer = common.suspicionOf(marks) && this.#bearers.enter()
    if (bearer !== undefined) {
      const isLate = (await inTime(bearer.before, patience)) === LATE
      const { mark, rest } = common.suspicionOf(marks) ?? { mark: undefined, rest: 0 }
      if (mark !== undefined && (isLate || rest > until - this.uptime())) {
        bearer.leave()
        this.#counters.heldBack++
        return { kind: 'held back', mark }
      }
      if (rest > 0) await wait(rest)
    } else if (this.#suspectOf(fingerprint) === undefined) return free
    const suspect = this.#lane.enter()
    await inTime(suspect.before, Math.max(1, until - this.uptime()))
    this.#counters.isolated++
    const end = () => {
      suspect.leave()
      bearer?.leave()
    }
    return { kind: 'turn', isSuspect: true, end }
  }

  /**
   * Notes that a scan which began at `since` killed the scanner or took all of its time. Resolves to the
   * number of such scans of the message within a day, or undefined if this one counts against no
   * message.
   */
  async harmed(message: InHand, since: number): Promise<number | undefined> {
    const { fingerprint, marks } = message
    const meanwhile = () => this.#ends.filter(({ at }) => at >= since)
    const isOf = (end: FailedScan) => end.fingerprint === fingerprint
    const isCounted = meanwhile().some(isOf) // for a copy that was there, too
    const wasSuspect = this.#suspectOf(fingerprint) !== undefined
    this.#noteEnd(fingerprint, marks, wasSuspect)
    this.#tell({ is: wasSuspect ? 'harmed again' : 'harmed', ...message })
    await this.#allHaveTold()
    const others = meanwhile().filter((end) => !isOf(end))
    const isSole = wasSuspect && !others.some((other) => other.wasSuspect)
    if (others.length > 0 && !isSole) return undefined
    if (!isCounted) {
      this.#strike(fingerprint, marks)
      this.#tell({ is: 'struck', ...message })
    }
    return this.#suspectOf(fingerprint)?.strikes.length
  }

  /** Notes that a scan of the message was answered. */
  answered(message: InHand): void {
    this.#common.answered(message.marks)
    const wasSuspect = this.#suspects.size > 0 && this.#suspects.delete(message.fingerprint)
    if (wasSuspect) this.#tell({ is: 'answered', ...message })
  }

  withheld(tries: number): Withheld {
    const all = [...this.#suspects.keys()].flatMap((fingerprint) => {
      const suspect = this.#suspectOf(fingerprint)
      return (suspect && this.#leftAlone(suspect, tries)) ?? []
    })
    if (all.length === 0) return { messages: 0, soonest: 0, latest: 0 }
    return { messages: all.length, soonest: Math.min(...all), latest: Math.max(...all) }
  }

  /** Takes the report of another process of the host. */
  hear({ is, fingerprint, marks }: PoisonEvent): void {
    switch (is) {
      case 'harmed':
      case 'harmed again':
        this.#noteEnd(fingerprint, marks, is === 'harmed again')
        break
      case 'struck':
        this.#strike(fingerprint, marks)
        break
      case 'answered':
        this.#suspects.delete(fingerprint)
    }
  }

  /** All reports that a new process must hear. */
  retell(): PoisonEvent[] {
    return [...this.#suspects.keys()].flatMap((fingerprint) => {
      const message = { fingerprint, marks: [] }
      const strikes = this.#suspectOf(fingerprint)?.strikes ?? []
      return [
        { is: 'harmed' as const, ...message },
        ...strikes.map(() => ({ is: 'struck' as const, ...message })),
      ]
    })
  }

  #suspectOf(fingerprint: string): Suspect | undefined {
    const suspect = this.#suspects.get(fingerprint)
    if (suspect === undefined || this.uptime() - suspect.at >= COUNTED_FOR) return undefined
    const strikes = suspect.strikes.filter((at) => this.uptime() - at < COUNTED_FOR)
    return { ...suspect, strikes }
  }

  #suspectIt(fingerprint: string, strike: readonly number[] = []): void {
    const strikes = this.#suspectOf(fingerprint)?.strikes ?? []
    this.#suspects.set(fingerprint, { at: this.uptime(), strikes: [...strikes, ...strike] })
  }

  #noteEnd(fingerprint: string, marks: readonly string[], wasSuspect: boolean): void {
    const end = { fingerprint, wasSuspect, at: this.uptime() }
    this.#ends = [...this.#ends, end].slice(-MESSAGES_MAX)
    this.#suspectIt(fingerprint)
    this.#common.died(fingerprint, marks)
  }

  #strike(fingerprint: string, marks: readonly string[]): void {
    this.#suspectIt(fingerprint, [this.uptime()])
    this.#common.struck(fingerprint, marks)
  }

  #leftAlone({ strikes }: Suspect, tries: number): number | undefined {
    if (strikes.length < tries) return undefined
    const left = strikes.at(-1)! + LEFT_ALONE_FOR - this.uptime()
    return left > 0 ? left : undefined
  }
}

const free: ScanTurn = { kind: 'turn', isSuspect: false, end() {} }

interface Suspect {
  readonly at: number
  readonly strikes: readonly number[]
}

interface FailedScan {
  readonly fingerprint: string
  readonly wasSuspect: boolean
  readonly at: number
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** A place in a queue whose members have their turns one after another. */
interface QueueTicket {
  /** Resolves when all members before this one have left. */
  readonly before: Promise<void>
  /** Leaves the queue, also before the turn has come. Further calls do nothing. */
  leave(): void
}

class SerialQueue {
  /** Resolves when all members so far have left. */
  #allLeft: Promise<void> = Promise.resolve()

  enter(): QueueTicket {
    const before = this.#allLeft
    let leave = () => {}
    const own = new Promise<void>((resolve) => {
      leave = resolve
    })
    this.#allLeft = before.then(() => own)
    return { before, leave }
  }
}
