import { LRUCache } from 'lru-cache'
import { inTime } from '../runtime/deadline.ts'

/** Milliseconds within which scans that went wrong are counted together. */
export const COUNTED_FOR = 24 * 3600 * 1000
/** Milliseconds for which a message is not scanned then. */
export const LEFT_ALONE_FOR = 3600 * 1000
/** Messages of which scans that went wrong are remembered. */
const MESSAGES_MAX = 1000
/** Milliseconds after which all messages that a scanner left when it died have said so, in all processes. */
export const TOLD_WITHIN = 50

/** How many messages are not given to scanners now, and for how long. */
export interface Withheld {
  readonly messages: number
  /** Milliseconds until the first of them, and the last, is scanned again. */
  readonly soonest: number
  readonly latest: number
}

/**
 * Messages whose scan killed the scanner, or ran into the time limit, by their exact
 * fingerprints.
 *
 * A scanner that dies leaves all messages that are with it, and one of them was the reason.
 * Which one shows when they come again:
 *
 * - All of them are suspects. Suspects are looked at one after the other, beside whatever else
 *   is being scanned; one that gets an answer is no suspect any more.
 * - A scan that went wrong counts against a message if no other one went wrong while it was
 *   there; and if others did, but were no suspects, against the one that was. Else it counts
 *   against none.
 *
 * So a message that just happened to be there is answered when it comes again. Before it is
 * taken for poison it would have to meet another killer each time that it comes, always one
 * that has never been seen; and what kills each time is found, however much other mail is
 * there. Processes of a host that are at a suspect each at the same moment find out by the two
 * ends, and count neither. Other hosts that share a scanner are not heard of.
 */
export interface Poison {
  /** Whether any is known: else no message need be looked up. */
  readonly isAny: boolean
  /** Milliseconds for which this message is not to be scanned, or undefined if it is. */
  leftAloneFor(fingerprint: Buffer, tries: number): number | undefined
  /**
   * Resolves when a suspect may be looked at, or after `patience` milliseconds: one that takes
   * long must not keep the others from being scanned. What it gives is called when that is over.
   * A message that is no suspect may at once.
   */
  turn(fingerprint: Buffer, patience: number): Promise<() => void>
  /** On the clock of `harmed`. */
  now(): number
  /**
   * The look at it that began at `since` killed the scanner or outlasted its time. How many
   * such there were within a day, or undefined if this one counts against nobody.
   */
  harmed(fingerprint: Buffer, since: number): Promise<number | undefined>
  /** A look at it came to an answer. */
  answered(fingerprint: Buffer): void
  withheld(tries: number): Withheld
  /** What another process of the host tells: as PoisonWatch. */
  hear(what: PoisonWord, fingerprint: Buffer): void
}

/**
 * What other processes of the host want to know of a message: that a look at it went wrong,
 * the same of one that was a suspect, that this counts, that one got an answer.
 */
export type PoisonWord = 'harmed' | 'harmed again' | 'struck' | 'answered'

/** `now` in milliseconds on a clock that nobody sets. */
export function createPoison(
  now: () => number = () => performance.now(),
  tell: (what: PoisonWord, fingerprint: Buffer) => void = () => {},
  allHaveTold = () => new Promise<void>((resolve) => setTimeout(resolve, TOLD_WITHIN)),
): Poison {
  /** By name: since when it is one, and when it was struck. */
  const suspects = new LRUCache<string, Suspect>({ max: MESSAGES_MAX })
  /** Looks that went wrong, in the order of their ends. */
  let ends: readonly End[] = []
  /** Resolves when all suspects that have come so far are done. */
  let allDone: Promise<void> = Promise.resolve()

  function suspectNamed(name: string): Suspect | undefined {
    const suspect = suspects.get(name)
    if (suspect === undefined || now() - suspect.at >= COUNTED_FOR) return undefined
    return { ...suspect, strikes: suspect.strikes.filter((at) => now() - at < COUNTED_FOR) }
  }

  function suspectIt(name: string, strike: readonly number[] = []): void {
    const strikes = suspectNamed(name)?.strikes ?? []
    suspects.set(name, { at: now(), strikes: [...strikes, ...strike] })
  }

  function noteEnd(name: string, wasSuspect: boolean): void {
    ends = [...ends, { name, wasSuspect, at: now() }].slice(-MESSAGES_MAX)
    suspectIt(name)
  }

  function leftAlone({ strikes }: Suspect, tries: number): number | undefined {
    if (strikes.length < tries) return undefined
    const left = strikes.at(-1)! + LEFT_ALONE_FOR - now()
    return left > 0 ? left : undefined
  }

  return {
    now,
    get isAny() {
      return suspects.size > 0
    },
    leftAloneFor(fingerprint, tries) {
      const suspect = suspectNamed(nameOf(fingerprint))
      return suspect && leftAlone(suspect, tries)
    },
    async turn(fingerprint, patience) {
      if (suspectNamed(nameOf(fingerprint)) === undefined) return () => {}
      const others = allDone
      let over = () => {}
      const own = new Promise<void>((resolve) => {
        over = resolve
      })
      allDone = others.then(() => own)
      await inTime(others, patience)
      return over
    },
    async harmed(fingerprint, since) {
      const name = nameOf(fingerprint)
      const meanwhile = () => ends.filter(({ at }) => at >= since)
      const isCounted = meanwhile().some((end) => end.name === name) // by a copy that was there, too
      const wasSuspect = suspectNamed(name) !== undefined
      noteEnd(name, wasSuspect)
      tell(wasSuspect ? 'harmed again' : 'harmed', fingerprint)
      await allHaveTold()
      const others = meanwhile().filter((end) => end.name !== name)
      const isSole = wasSuspect && !others.some((other) => other.wasSuspect)
      if (others.length > 0 && !isSole) return undefined
      if (!isCounted) {
        suspectIt(name, [now()])
        tell('struck', fingerprint)
      }
      return suspectNamed(name)?.strikes.length
    },
    answered(fingerprint) {
      if (suspects.delete(nameOf(fingerprint))) tell('answered', fingerprint)
    },
    withheld(tries) {
      const all = [...suspects.keys()].flatMap((name) => {
        const suspect = suspectNamed(name)
        return (suspect && leftAlone(suspect, tries)) ?? []
      })
      if (all.length === 0) return { messages: 0, soonest: 0, latest: 0 }
      return { messages: all.length, soonest: Math.min(...all), latest: Math.max(...all) }
    },
    hear(what, fingerprint) {
      const name = nameOf(fingerprint)
      switch (what) {
        case 'harmed':
        case 'harmed again':
          noteEnd(name, what === 'harmed again')
          break
        case 'struck':
          suspectIt(name, [now()])
          break
        case 'answered':
          suspects.delete(name)
      }
    },
  }
}

interface Suspect {
  readonly at: number
  readonly strikes: readonly number[]
}

interface End {
  readonly name: string
  readonly wasSuspect: boolean
  readonly at: number
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('base64')
}
