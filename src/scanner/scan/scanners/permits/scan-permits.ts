import { LruCache } from '../../../../base/flow/cache.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { formatDuration } from '../../../../base/text/units.ts'
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

/** A message that waits for a permit. It is the same object in each call about the message. */
export interface WaitingMail {
  /** Bytes. */
  readonly size: number
  /** The network of the client, or an empty string if it is not known. */
  readonly network: string
  /** Milliseconds until its deadline. */
  readonly timeLeft: () => number
  /** Aborted at its deadline, or when no client still waits for the answer. */
  readonly signal: AbortSignal
  /** Whether it had a permit before, for another scan: then it precedes others that have used as little time. */
  readonly hasBegun: boolean
}

/** A function that releases the permit, and is called once, or the *unknown* result, if there is no permit. */
export type PermitOrResult = (() => void) | ScanResult

/**
 * The permits for scans at a scanner. Large messages wait only for large ones, and small ones for small ones. The
 * next permit goes to the message that has used the least time, by doubles of what ordinary mail of its size uses; of
 * equal ones to that whose client's network has used the least in the last seconds, less the time for which the message
 * has waited. So a network that is new every time precedes no other one for longer than that has used. A message that
 * has used more than an ordinary one gives its permit to such a message (mustGiveWay), and only some of the permits are
 * for such costly messages. So ordinary mail waits for costly mail only until that asks its next question. If more of them
 * are half read than memory is for, the costliest one of the network that has used the most is given up.
 *
 * No part of a message is read or decoded before it has its first permit. If that would come too late for a message,
 * the message gets its result immediately.
 */
export class ScanPermits {
  readonly #small: Lane
  readonly #large: Lane
  /** The messages that wait for a turn of the event loop. */
  readonly #turns = new Map<WaitingMail, () => void>()

  /**
   * `servers` returns the number of servers that accept messages now, and `permits` contains the concurrent
   * scans of each. `uptime` is a monotonic clock.
   */
  constructor(servers: () => number, uptime: () => number, permits: ConcurrentScans = PERMITS) {
    const used = new UsedTime()
    this.#small = new Lane(() => servers() * permits.small, uptime, used)
    this.#large = new Lane(() => servers() * permits.large, uptime, used)
  }

  /** The permits at a scanner that runs here. */
  static here(permits?: ConcurrentScans): ScanPermits {
    return new ScanPermits(() => 1, readUptime, permits)
  }

  /** Resolves when the scan may begin, or go on, or to *unknown* if it would be too late. */
  acquire(mail: WaitingMail): Promise<PermitOrResult> {
    return this.#laneOf(mail).acquire(mail)
  }

  /** Returns whether a message that has a permit must release it now, and acquire another one to go on. */
  mustGiveWay(mail: WaitingMail): boolean {
    return this.#laneOf(mail).mustGiveWay(mail)
  }

  /**
   * Resolves in a later iteration of the event loop, after the messages that began to wait here before, except those that
   * have used more time by doubles of what ordinary mail uses. Only one message has its turn in an iteration, so the length
   * of an iteration does not depend on their number.
   */
  nextTurn(mail: WaitingMail): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.set(mail, resolve)
      if (this.#turns.size === 1) setImmediate(() => this.#takeTurn())
    })
  }

  #takeTurn(): void {
    const mails = [...this.#turns.keys()]
    const next = mails.reduce((first, mail) =>
      this.#laneOf(mail).levelOf(mail) < this.#laneOf(first).levelOf(first) ? mail : first,
    )
    const go = this.#turns.get(next)!
    if (mails.length > 1) setImmediate(() => this.#takeTurn())
    this.#turns.delete(next)
    go()
  }

  #laneOf({ size }: WaitingMail): Lane {
    return size < LARGE_FROM ? this.#small : this.#large
  }
}

/** The milliseconds of scanning that ordinary mail of a size needs at most, if nothing else is scanned. */
const ordinaryTime = (size: number) => 50 + size / 500
/** One of this number of permits may be held by costly messages: those that have used more than that. */
const PERMITS_PER_COSTLY = 4
/** Upper limit for costly messages that wait for another permit, for each permit: they are half read, and hold memory. */
const HALF_READ_MAX = 4

interface PermitWait {
  /** By the clock. */
  readonly since: number
  /** Ends it. */
  readonly settle: (permit: PermitOrResult) => void
}

/** Messages that wait for each other, and their permits. */
class Lane {
  readonly #places: () => number
  readonly #uptime: () => number
  readonly #used: UsedTime
  /** The messages that have a permit, and since when. */
  readonly #underWay = new Map<WaitingMail, number>()
  /** The waiting messages, in order of arrival. */
  readonly #waiting = new Map<WaitingMail, PermitWait>()
  #chargedAt: number
  #pace = new Pace()

  constructor(places: () => number, uptime: () => number, used: UsedTime) {
    this.#places = places
    this.#uptime = uptime
    this.#used = used
    this.#chargedAt = uptime()
  }

  acquire(mail: WaitingMail): Promise<PermitOrResult> {
    const { signal } = mail
    if (signal.aborted) return Promise.resolve(NO_PERMIT)
    if (this.#isFreeFor(mail)) return Promise.resolve(this.#begin(mail, this.#uptime()))
    return new Promise((resolve) => {
      const settle = (permit: PermitOrResult) => {
        this.#waiting.delete(mail)
        signal.removeEventListener('abort', leave)
        resolve(permit)
      }
      const leave = () => settle(NO_PERMIT)
      signal.addEventListener('abort', leave)
      this.#waiting.set(mail, { since: this.#uptime(), settle })
      this.#giveUpCostliest()
      this.#serve()
    })
  }

  /** Returns whether an ordinary message may begin at once, and in time. */
  #isFreeFor(mail: WaitingMail): boolean {
    this.#charge()
    const isAnyFree = this.#waiting.size === 0 && this.#underWay.size < this.#places()
    return isAnyFree && this.#levelOf(mail) === 0 && this.#lengthOf(mail.size) <= mail.timeLeft()
  }

  mustGiveWay(mail: WaitingMail): boolean {
    this.#charge()
    const level = this.#levelOf(mail)
    if (level === 0) return false
    if (this.#costlyIn(this.#underWay) > this.#placesOfCostly()) return true
    return [...this.#waiting.keys()].some((other) => this.#levelOf(other) < level)
  }

  /**
   * Ends the wait of the costliest message of the network that has used the most if too many are half read. If they kept
   * their permits instead, ordinary mail would wait until they are read to their end.
   */
  #giveUpCostliest(): void {
    this.#charge()
    if (this.#costlyIn(this.#waiting) <= HALF_READ_MAX * this.#places()) return
    const now = this.#uptime()
    const cost = (mail: WaitingMail) => this.#used.ofNetwork(mail.network, now)
    const [costliest] = [...this.#waiting.keys()]
      .filter((mail) => this.#levelOf(mail) > 0)
      .sort((one, other) => cost(other) - cost(one) || this.#used.of(other) - this.#used.of(one))
    if (costliest !== undefined) this.#waiting.get(costliest)!.settle(TOO_COSTLY)
  }

  /** Gives free permits to waiting messages, and ends the wait of those for which one would come too late. */
  #serve(): void {
    this.#charge()
    if (this.#waiting.size === 0) return
    const places = this.#places()
    const now = this.#uptime()
    // For each permit the time at which it is free, after the waiting messages have used it.
    const under = [...this.#underWay]
      .map(([mail, since]) =>
        this.#levelOf(mail) > 0 ? now : Math.max(now, since + this.#lengthOf(mail.size)),
      )
      .sort((a, b) => b - a)
      .slice(0, places) // a server that fails leaves more messages than slots
    const freeAt = [...under, ...new Array(places - under.length).fill(now)]
    let ahead = this.#underWay.size
    let costly = this.#costlyIn(this.#underWay)
    for (const mail of this.#inOrder(now)) {
      const { settle } = this.#waiting.get(mail)!
      const isCostly = this.#levelOf(mail) > 0
      if (!isCostly && !this.#isInTime(mail, settle, freeAt, ahead)) continue
      ahead++
      if (this.#underWay.size >= places || (isCostly && costly >= this.#placesOfCostly())) continue
      if (isCostly) costly++
      settle(this.#begin(mail, now))
    }
  }

  /**
   * Gives a message the permit that is free first. Returns false if it could not be scanned in time, after ending
   * its wait with that result.
   */
  #isInTime(
    mail: WaitingMail,
    settle: (permit: PermitOrResult) => void,
    freeAt: number[],
    ahead: number,
  ): boolean {
    const now = this.#uptime()
    let first = 0
    for (let place = 1; place < freeAt.length; place++) {
      if (freeAt[place]! < freeAt[first]!) first = place
    }
    const starts = Math.max(now, freeAt[first]!)
    const takes = this.#lengthOf(mail.size)
    const left = mail.timeLeft()
    if (starts + takes > now + left) {
      settle(tooLate(ahead, starts - now, takes, left))
      return false
    }
    freeAt[first] = starts + takes
    return true
  }

  #inOrder(now: number): readonly WaitingMail[] {
    const waiting = Array.from(this.#waiting, ([mail, { since }]) => ({
      mail,
      level: this.#levelOf(mail),
      network: this.#used.ofNetwork(mail.network, now) - (now - since),
      used: this.#used.of(mail),
    }))
    waiting.sort(
      (one, other) =>
        one.level - other.level ||
        Number(other.mail.hasBegun) - Number(one.mail.hasBegun) ||
        (one.mail.network === other.mail.network ? one.used - other.used : 0) ||
        one.network - other.network,
    )
    return waiting.map(({ mail }) => mail)
  }

  /** Charges the time since the last call to the messages that have shared it. */
  #charge(): void {
    const now = this.#uptime()
    const share = (now - this.#chargedAt) / this.#underWay.size
    this.#chargedAt = now
    if (share > 0) for (const mail of this.#underWay.keys()) this.#used.charge(mail, share, now)
  }

  /** Returns the level of a message now. */
  levelOf(mail: WaitingMail): number {
    this.#charge()
    return this.#levelOf(mail)
  }

  /** Returns 0 for a message that has used no more time than ordinary mail; one more for each double of that. */
  #levelOf(mail: WaitingMail): number {
    const ratio = this.#used.of(mail) / ordinaryTime(mail.size)
    return ratio <= 1 ? 0 : 1 + Math.floor(Math.log2(ratio))
  }

  #costlyIn(mails: ReadonlyMap<WaitingMail, unknown>): number {
    return [...mails.keys()].filter((mail) => this.#levelOf(mail) > 0).length
  }

  #placesOfCostly(): number {
    return Math.max(1, Math.floor(this.#places() / PERMITS_PER_COSTLY))
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
      this.#charge()
      this.#pace.note(mail.size, this.#uptime() - since)
      this.#underWay.delete(mail)
      this.#serve()
      // Measurements under other conditions do not apply to the next burst.
      if (this.#underWay.size === 0) this.#pace = new Pace()
    }
  }
}

/** The number of networks whose time is known. */
const NETWORKS_MAX = 10_000
/** Milliseconds in which the time that a network has used counts half. */
const HALF_LIFE = 10_000

/**
 * The milliseconds that messages and networks have used. Messages that are scanned at once share the time: so it is in
 * proportion to the processor time that each takes, on a busy host, too.
 */
class UsedTime {
  readonly #byMail = new WeakMap<WaitingMail, number>()
  readonly #byNetwork = new LruCache<{ readonly used: number; readonly at: number }>(NETWORKS_MAX)

  of(mail: WaitingMail): number {
    return this.#byMail.get(mail) ?? 0
  }

  ofNetwork(network: string, now: number): number {
    const { used, at } = this.#byNetwork.get(network) ?? { used: 0, at: 0 }
    return used * 2 ** ((at - now) / HALF_LIFE)
  }

  charge(mail: WaitingMail, milliseconds: number, now: number): void {
    this.#byMail.set(mail, this.of(mail) + milliseconds)
    const used = this.ofNetwork(mail.network, now) + milliseconds
    this.#byNetwork.set(mail.network, { used, at: now })
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
    this.#milliseconds = Math.min(...this.#last.map((scan) => scan.milliseconds))
    this.#perByte = Math.min(...this.#last.map((scan) => scan.perByte))
  }

  /**
   * Returns the milliseconds that the scan of a message of `size` bytes takes, by the quickest message or by
   * its bytes. It is the lesser of both, because a needless wait does less harm than a needless refusal.
   */
  of(size: number): number {
    return Math.min(this.#milliseconds, this.#perByte * size)
  }
}

const NO_PERMIT = unknown('no scanner became free in time', 'busy')
const TOO_COSTLY = unknown(
  'too many messages are half read, and this one has cost the most',
  'busy',
)

function tooLate(ahead: number, starts: number, takes: number, left: number): ScanResult {
  const [start, length, time] = [starts, takes, left].map(formatDuration)
  const wait = `${ahead} messages are ahead: the scan would begin in ${start} and take ${length}`
  return unknown(`${wait}, but only ${time} are left`, 'busy')
}
