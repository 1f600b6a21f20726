import type { Scanner, ScanTask } from '../../scan/shared/scanner.ts'
import type { Verdict } from '../../scan/shared/verdict.ts'
import type { InHand, InHandNotes } from './in-hand.ts'
import type { Poison } from './poison.ts'

/** What is known about messages that scanners died of, and what is done about them. */
export interface PoisonPolicy {
  readonly known: Poison
  /** Failed scans after which a message is not scanned for a while. */
  readonly tries: number
  /** The notes of the messages that this process is scanning, which others read if it is killed. */
  readonly inHand?: InHandNotes | undefined
}

export interface CarefulScanOptions {
  readonly poison: PoisonPolicy
  /**
   * Milliseconds for this message, and milliseconds that a message usually has here (SCANTIMEOUT).
   */
  readonly timeout: number
  readonly fullTime: number
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** The scanner that the result names if none is asked. */
  readonly scanner: string
}

/** Scans a message within so many milliseconds; `suspects` as in a ScanTask. */
export type ScanOnce = (timeout: number, suspects: ScanTask['suspects']) => Promise<Verdict>

/** Most scans of a message whose scanner died: the first one, and two more as a suspect. */
const SCANS_MAX = 3
/** Milliseconds that must be left for another scan. */
const TIME_FOR_MORE = 1_000

/**
 * Scans a message, unless its scans failed too often; counts each failure. A message that was with a
 * scanner when the scanner died is scanned again as a suspect, unless it is known to be the reason: it
 * must not be deferred because of the mail beside it.
 */
export async function scanCarefully(
  message: InHand,
  { poison, timeout, fullTime, uptime, scanner }: CarefulScanOptions,
  scanOnce: ScanOnce,
): Promise<Verdict> {
  const { known, tries, inHand } = poison
  const until = uptime() + timeout
  const timeLeft = () => Math.max(1, until - uptime())
  const withheld = (why: string): Verdict => {
    return {
      answer: 'unknown',
      scanner,
      why: `poison: ${why} (POISONTRIES)`,
      cause: 'poison',
      unfinished: true,
    }
  }
  for (let scans = 1; ; scans++) {
    const left = known.leftAloneFor(message.fingerprint, tries)
    if (left !== undefined) return withheld(tooHarmful(tries, left))
    const turn = await known.turn(message, timeLeft() / 4)
    if (turn.kind === 'held back') return withheld(tooAlike(turn.mark))
    const noted = inHand?.note(message)
    const since = known.uptime()
    let result: Verdict
    try {
      const suspects = turn.isSuspect ? 'this' : known.isAny ? 'others' : undefined
      result = await scanOnce(timeLeft(), suspects)
    } finally {
      noted?.()
      turn.over()
    }
    if (result.answer !== 'unknown') {
      known.answered(message)
      return result
    }
    // If the client gave no time, the failure says nothing about the message.
    if (!result.harmful || timeout < fullTime / 2) return result
    const count = await known.harmed(message, since)
    const isAskedAgain = count === undefined && scans < SCANS_MAX && timeLeft() > TIME_FOR_MORE
    if (isAskedAgain) continue
    const counted =
      count === undefined
        ? 'scans of other messages failed with it, so this one does not count'
        : `failed scan ${count} of ${tries}`
    return { ...result, why: `${result.why}; ${counted} (POISONTRIES)` }
  }
}

/** Makes scanners that know whether this message is suspected of killing them, or others are. */
export function warnedOfSuspects(who: NonNullable<ScanTask['suspects']>) {
  return (scanner: Scanner): Scanner => ({
    ...scanner,
    scan: (sample, task) => scanner.scan(sample, { ...task, suspects: who }),
  })
}

function tooHarmful(tries: number, left: number): string {
  const minutes = Math.ceil(left / 60_000)
  return `scanners died of it or took too long ${tries} times; not scanned for ${minutes} minutes`
}

function tooAlike(mark: string): string {
  return `scanners died of several messages of ${mark}; not scanned until another one of these was`
}
