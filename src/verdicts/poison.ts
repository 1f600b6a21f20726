import { LRUCache } from 'lru-cache'
import { inTime, LATE } from '../ground/flow/deadline.ts'
import { createCommonMarks } from './common-marks.ts'
import type { InHand } from './in-hand.ts'
import { createSerialQueue } from './serial-queue.ts'

/** Milliseconds within which scans that went wrong are counted together. */
export const COUNTED_FOR = 24 * 3600 * 1000
/** Milliseconds for which a message is not scanned then. */
export const LEFT_ALONE_FOR = 3600 * 1000
/** Most messages whose failed scans are remembered. */
const MESSAGES_MAX = 1000
/** Milliseconds after a death for which other mail does not go to the scanner that suspects get. */
const APART_FOR = 60_000
/**
 * Milliseconds after which all messages that were with a dead scanner have reported it, in all
 * processes.
 */
export const TOLD_WITHIN = 50

/** How many messages are not given to scanners now, and for how long. */
export interface Withheld {
  readonly messages: number
  /** Milliseconds until the first and the last of them are scanned again. */
  readonly soonest: number
  readonly latest: number
}

/**
 * Messages whose scan killed the scanner, or ran into the time limit, by their exact
 * fingerprints.
 *
 * A scanner that dies leaves all messages that are with it, and one of them was the reason.
 * Which one shows when they are scanned again:
 *
 * - All of them are suspects. Suspects are looked at one after the other, beside whatever else
 *   is being scanned; one that gets an answer is no suspect any more.
 * - A scan that went wrong counts against a message if no other one went wrong while it was
 *   there; and if others did, but were no suspects, against the one that was. Else it counts
 *   against none.
 *
 * So a message that just happened to be there is answered when it is scanned again. It is taken for
 * poison only if each of its scans coincides with that of a killer which was not yet a suspect. What
 * kills each time is found, however much other mail is there. If two processes of a host scan a
 * suspect each and both scans fail, each hears of the other, and neither failure counts. Other
 * hosts that share a scanner are not heard of.
 *
 * Poison that is another message each time has no fingerprint, but a sender: after some deaths,
 * messages that have in common what was there (common-marks.ts) are suspects before they are
 * scanned. Of these each waits for its turn, and all wait for longer and longer after one that
 * killed.
 */
export interface Poison {
  /** Whether scanners died of messages lately, so that suspects may be about. */
  readonly isAny: boolean
  /** Milliseconds for which this message is not to be scanned, or undefined if it is. */
  leftAloneFor(fingerprint: Buffer, tries: number): number | undefined
  /**
   * Resolves when the message may be looked at: at once if it is no suspect. A suspect waits for
   * the others for `patience` milliseconds at most; then it may be looked at, for one that takes
   * long must not keep the others from being scanned. One that is suspected for what it has in
   * common with others is held back instead.
   */
  turn(message: InHand, patience: number): Promise<ScanTurn | HeldBack>
  /** On the clock of `harmed`. */
  uptime(): number
  /**
   * A scan of it that began at `since` killed the scanner or outlasted its time. Returns how many
   * such scans there were within a day, or undefined if this one counts against nobody.
   */
  harmed(message: InHand, since: number): Promise<number | undefined>
  /** A scan of it was answered. */
  answered(message: InHand): void
  withheld(tries: number): Withheld
  /** Since the process began. */
  readonly counters: PoisonCounters
  /** What another process of the host reports: as PoisonWatch. */
  hear(what: PoisonEvent, message: InHand): void
  /** All that a process that begins must hear. */
  retell(): { readonly what: PoisonEvent; readonly message: InHand }[]
}

export interface PoisonCounters {
  /** Suspects that were looked at by themselves. */
  readonly isolated: number
  /** Messages that were held back for what they have in common with those at which scanners died. */
  readonly heldBack: number
}

export interface ScanTurn {
  readonly kind: 'turn'
  /** Whether it is a suspect, so that other mail is kept away from its scanner. */
  readonly isSuspect: boolean
  /** Call it when the scan is over. */
  over(): void
}

export interface HeldBack {
  readonly kind: 'held back'
  /** What it has in common with others, as `client 192.0.2.1`. */
  readonly mark: string
}

/**
 * What other processes of the host want to know of a message: that a look at it went wrong,
 * the same of one that was a suspect, that this counts, that one got an answer.
 */
export type PoisonEvent = 'harmed' | 'harmed again' | 'struck' | 'answered'

/** `now` in milliseconds on a clock that nobody sets. */
export function createPoison(
  uptime: () => number = () => performance.now(),
  tell: (what: PoisonEvent, message: InHand) => void = () => {},
  allHaveTold = () => wait(TOLD_WITHIN),
): Poison {
  /** By name: since when it is a suspect, and when a scan of it failed. */
  const suspects = new LRUCache<string, Suspect>({ max: MESSAGES_MAX })
  const common = createCommonMarks(uptime)
  /** Scans that failed, in the order of their ends. */
  let ends: readonly FailedScan[] = []
  /**
   * A lane for suspects, and one in front of it for those that are suspected by a mark: there is a
   * pause between these.
   */
  const lane = createSerialQueue()
  const bearers = createSerialQueue()
  const counters = { isolated: 0, heldBack: 0 }

  function suspectNamed(name: string): Suspect | undefined {
    const suspect = suspects.get(name)
    if (suspect === undefined || uptime() - suspect.at >= COUNTED_FOR) return undefined
    return { ...suspect, strikes: suspect.strikes.filter((at) => uptime() - at < COUNTED_FOR) }
  }

  function suspectIt(name: string, strike: readonly number[] = []): void {
    const strikes = suspectNamed(name)?.strikes ?? []
    suspects.set(name, { at: uptime(), strikes: [...strikes, ...strike] })
  }

  function noteEnd(name: string, marks: readonly string[], wasSuspect: boolean): void {
    ends = [...ends, { name, wasSuspect, at: uptime() }].slice(-MESSAGES_MAX)
    suspectIt(name)
    common.died(name, marks)
  }

  function strike(name: string, marks: readonly string[]): void {
    suspectIt(name, [uptime()])
    common.struck(name, marks)
  }

  function leftAlone({ strikes }: Suspect, tries: number): number | undefined {
    if (strikes.length < tries) return undefined
    const left = strikes.at(-1)! + LEFT_ALONE_FOR - uptime()
    return left > 0 ? left : undefined
  }

  return {
    uptime: uptime,
    counters,
    get isAny() {
      const last = ends.at(-1)
      return last !== undefined && uptime() - last.at < APART_FOR
    },
    leftAloneFor(fingerprint, tries) {
      const suspect = suspectNamed(nameOf(fingerprint))
      return suspect && leftAlone(suspect, tries)
    },
    async turn({ fingerprint, marks }, patience) {
      const until = uptime() + patience
      const bearer = common.suspicionOf(marks) && bearers.enter()
      if (bearer !== undefined) {
        const isLate = (await inTime(bearer.before, patience)) === LATE
        const { mark, rest } = common.suspicionOf(marks) ?? { mark: undefined, rest: 0 }
        if (mark !== undefined && (isLate || rest > until - uptime())) {
          bearer.leave()
          counters.heldBack++
          return { kind: 'held back', mark }
        }
        if (rest > 0) await wait(rest)
      } else if (suspectNamed(nameOf(fingerprint)) === undefined) return free
      const suspect = lane.enter()
      await inTime(suspect.before, Math.max(1, until - uptime()))
      counters.isolated++
      const over = () => {
        suspect.leave()
        bearer?.leave()
      }
      return { kind: 'turn', isSuspect: true, over }
    },
    async harmed(message, since) {
      const { fingerprint, marks } = message
      const name = nameOf(fingerprint)
      const meanwhile = () => ends.filter(({ at }) => at >= since)
      const isCounted = meanwhile().some((end) => end.name === name) // by a copy that was there, too
      const wasSuspect = suspectNamed(name) !== undefined
      noteEnd(name, marks, wasSuspect)
      tell(wasSuspect ? 'harmed again' : 'harmed', message)
      await allHaveTold()
      const others = meanwhile().filter((end) => end.name !== name)
      const isSole = wasSuspect && !others.some((other) => other.wasSuspect)
      if (others.length > 0 && !isSole) return undefined
      if (!isCounted) {
        strike(name, marks)
        tell('struck', message)
      }
      return suspectNamed(name)?.strikes.length
    },
    answered(message) {
      common.answered(message.marks)
      if (suspects.size > 0 && suspects.delete(nameOf(message.fingerprint)))
        tell('answered', message)
    },
    withheld(tries) {
      const all = [...suspects.keys()].flatMap((name) => {
        const suspect = suspectNamed(name)
        return (suspect && leftAlone(suspect, tries)) ?? []
      })
      if (all.length === 0) return { messages: 0, soonest: 0, latest: 0 }
      return { messages: all.length, soonest: Math.min(...all), latest: Math.max(...all) }
    },
    hear(what, { fingerprint, marks }) {
      const name = nameOf(fingerprint)
      switch (what) {
        case 'harmed':
        case 'harmed again':
          noteEnd(name, marks, what === 'harmed again')
          break
        case 'struck':
          strike(name, marks)
          break
        case 'answered':
          suspects.delete(name)
      }
    },
    retell() {
      return [...suspects.keys()].flatMap((name) => {
        const message = { fingerprint: Buffer.from(name, 'base64'), marks: [] }
        const strikes = suspectNamed(name)?.strikes ?? []
        return [
          { what: 'harmed' as const, message },
          ...strikes.map(() => ({ what: 'struck' as const, message })),
        ]
      })
    },
  }
}

const free: ScanTurn = { kind: 'turn', isSuspect: false, over() {} }

interface Suspect {
  readonly at: number
  readonly strikes: readonly number[]
}

interface FailedScan {
  readonly name: string
  readonly wasSuspect: boolean
  readonly at: number
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('base64')
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
