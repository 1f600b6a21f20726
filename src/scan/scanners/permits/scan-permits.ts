import { readUptime } from '../../../lib/flow/uptime.ts'
import { formatDuration } from '../../../lib/text/units.ts'
import { type ScanResult, unknown } from '../findings/scan-result.ts'

/** Bytes from which on a message is large: clamd scans it for a second or more. */
const LARGE_FROM = 1024 * 1024
/**
 * The number of concurrent scans at one server. clamd scans MaxThreads messages at once (10), holds MaxQueue
 * (100) and refuses any beyond that and its MaxConnectionQueueLength. All processes of a daemon together stay
 * below that, and the large messages of four processes leave threads for small mail. Documented in
 * onescand(8).
 */
export const PERMITS: ConcurrentScans = { small: 18, large: 2 }

/** Concurrent scans of messages below LARGE_FROM, and of the others. */
interface ConcurrentScans {
  readonly small: number
  readonly large: number
}

/** The number of recent scans from which the duration of the next one is estimated. */
const MEASURED = 8
/**
 * The estimate is used after this number of scans at each slot: at the beginning of a burst, every scan takes
 * longer.
 */
const ROUNDS = 2

/** A message that waits for a permit. */
interface WaitingMail {
  /** Bytes. */
  readonly size: number
  /** Milliseconds until its deadline. */
  readonly timeLeft: () => number
  /** Aborted at its deadline, or when no client still waits for the answer. */
  readonly signal: AbortSignal
  /** Whether it had a permit before, for another scan: then it goes first. */
  readonly hasBegun: boolean
}

/** A function that releases the permit, and is called once, or the *unknown* result, if there is no permit. */
export type PermitOrResult = (() => void) | ScanResult

/**
 * The permits for scans at a scanner. Large messages wait only for large ones, and small ones for small ones,
 * in order of arrival, but a message that has begun goes first. A permit is held until its message is scanned, and
 * no part of a message is read or decoded before. If a permit would come too late for a message, the message gets
 * its result immediately.
 */
export class ScanPermits {
  readonly #small: Lane
  readonly #large: Lane

  /**
   * `servers` returns the number of servers that accept messages now, and `permits` contains the concurrent
   * scans of each. `uptime` is a monotonic clock.
   */
  constructor(servers: () => number, uptime: () => number, permits: ConcurrentScans = PERMITS) {
    this.#small = new Lane(() => servers() * permits.small, uptime)
    this.#large = new Lane(() => servers() * permits.large, uptime)
  }

  /** The permits at a scanner that runs here. */
  static here(permits?: ConcurrentScans): ScanPermits {
    return new ScanPermits(() => 1, readUptime, permits)
  }

  /** Resolves when the scan may begin, or to *unknown* if it would be too late. */
  acquire(mail: WaitingMail): Promise<PermitOrResult> {
    return (mail.size < LARGE_FROM ? this.#small : this.#large).acquire(mail)
  }
}

/** Messages that wait for each other, and their permits. */
class Lane {
  readonly #places: () => number
  readonly #uptime: () => number
  /** The messages that have a permit, and since when. */
  readonly #underWay = new Map<WaitingMail, number>()
  /** The waiting messages, in order, with the functions that end their wait. */
  #waiting = new Map<WaitingMail, (permit: PermitOrResult) => void>()
  /** For each slot the estimated time at which it is free, after the waiting messages have used it. */
  #freeAt: number[] = []
  #pace = new Pace()

  constructor(places: () => number, uptime: () => number) {
    this.#places = places
    this.#uptime = uptime
  }

  acquire(mail: WaitingMail): Promise<PermitOrResult> {
    const { signal, hasBegun } = mail
    if (signal.aborted) return Promise.resolve(NO_PERMIT)
    return new Promise((resolve) => {
      const settle = (permit: PermitOrResult) => {
        this.#waiting.delete(mail)
        signal.removeEventListener('abort', leave)
        resolve(permit)
      }
      const leave = () => settle(NO_PERMIT)
      signal.addEventListener('abort', leave)
      const ahead = this.#underWay.size + this.#waiting.size
      this.#waiting.set(mail, settle)
      if (hasBegun) this.#waiting = new Map([...this.#waiting].sort(begunFirst))
      if (hasBegun || this.#freeAt.length !== this.#places()) this.#serve()
      else this.#place(mail, settle, ahead)
    })
  }

  /** Computes again when each waiting message would get its permit. */
  #serve(): void {
    const places = this.#places()
    const now = this.#uptime()
    const under = [...this.#underWay]
      .map(([{ size }, since]) => Math.max(now, since + this.#lengthOf(size)))
      .sort((a, b) => b - a)
      .slice(0, places) // a server that fails leaves more messages than slots
    this.#freeAt = [...under, ...new Array(places - under.length).fill(now)]
    let ahead = this.#underWay.size
    for (const [mail, settle] of this.#waiting) {
      if (this.#place(mail, settle, ahead)) ahead++
    }
    // Measurements under other conditions do not apply to the next burst.
    if (this.#underWay.size === 0) this.#pace = new Pace()
  }

  /**
   * Gives a message the slot that is free first. The message begins if that is now. Returns false if it could
   * not be scanned in time, after ending its wait with that result.
   */
  #place(mail: WaitingMail, settle: (permit: PermitOrResult) => void, ahead: number): boolean {
    const now = this.#uptime()
    const free = this.#freeAt
    let first = 0
    for (let place = 1; place < free.length; place++) if (free[place]! < free[first]!) first = place
    const starts = Math.max(now, free[first]!)
    const takes = this.#lengthOf(mail.size)
    const left = mail.timeLeft()
    if (starts + takes > now + left) {
      settle(tooLate(ahead, starts - now, takes, left))
      return false
    }
    free[first] = starts + takes
    if (this.#underWay.size < free.length) settle(this.#begin(mail, now))
    return true
  }

  /**
   * Returns the milliseconds that a scan of `size` bytes takes, or 0 while there are too few measurements.
   */
  #lengthOf(size: number): number {
    return this.#pace.measured < ROUNDS * this.#places() ? 0 : this.#pace.of(size)
  }

  #begin(mail: WaitingMail, since: number): () => void {
    this.#underWay.set(mail, since)
    return () => {
      this.#pace.note(mail.size, this.#uptime() - since)
      this.#underWay.delete(mail)
      this.#serve()
    }
  }
}

/** The duration of the last scans. */
class Pace {
  readonly #last: { readonly milliseconds: number; readonly perByte: number }[] = []
  #measured = 0
  #milliseconds = 0
  #perByte = 0

  /** The number of scans that were measured. */
  get measured(): number {
    return this.#measured
  }

  note(size: number, milliseconds: number): void {
    this.#measured++
    this.#last.push({ milliseconds, perByte: milliseconds / Math.max(1, size) })
    if (this.#last.length > MEASURED) this.#last.shift()
    this.#milliseconds = median(this.#last.map((scan) => scan.milliseconds))
    this.#perByte = median(this.#last.map((scan) => scan.perByte))
  }

  /**
   * Returns the milliseconds that the scan of a message of `size` bytes takes, by the median message or by
   * its bytes. It is the lesser of both, because a needless wait does less harm than a needless refusal.
   */
  of(size: number): number {
    return Math.min(this.#milliseconds, this.#perByte * size)
  }
}

/** The lower one, if there are two. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!
}

/** Compares two waiting messages. Sorting keeps the order of equal ones. */
function begunFirst([one]: [WaitingMail, unknown], [other]: [WaitingMail, unknown]): number {
  return Number(other.hasBegun) - Number(one.hasBegun)
}

const NO_PERMIT = unknown('no scanner became free in time', 'busy')

function tooLate(ahead: number, starts: number, takes: number, left: number): ScanResult {
  const [start, length, time] = [starts, takes, left].map(formatDuration)
  const wait = `${ahead} messages are ahead: the scan would begin in ${start} and take ${length}`
  return unknown(`${wait}, but only ${time} are left`, 'busy')
}
