import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Scanner, ScanTask } from '../scan/shared/scanner.ts'
import type { InHand, InHandNotes } from './in-hand.ts'
import type { Poison } from './poison.ts'

/** Messages that scanners died of, and what is done about them. */
export interface PoisonPolicy {
  readonly known: Poison
  /** Number of failed scans after which a message is not scanned for a while. */
  readonly tries: number
  /** Notes what this process has in hand, for others to read if it comes to a sudden end. */
  readonly inHand?: InHandNotes | undefined
}

export interface CarefulScanOptions {
  readonly poison: PoisonPolicy
  /**
   * Milliseconds for this message, and those that a message is usually given here (SCANTIMEOUT).
   */
  readonly timeout: number
  readonly fullTime: number
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Who is named where none is asked. */
  readonly scanner: string
}

/** Looks at a message within so many milliseconds; `suspects` as that of a ScanTask. */
export type ScanOnce = (timeout: number, suspects: ScanTask['suspects']) => Promise<ScanResult>

/** Scans of one message whose scanner died: the first one, and two more as a suspect. */
const LOOKS_MAX = 3
/** Milliseconds that must be left for another look. */
const TIME_FOR_MORE = 1_000

/**
 * Scans, unless that failed too often; each failure is counted. A message that was with a scanner
 * when that died is scanned again as a suspect, unless it is known to be the reason: that other
 * mail was there must not cost it a delivery.
 */
export async function scanCarefully(
  message: InHand,
  { poison, timeout, fullTime, uptime, scanner }: CarefulScanOptions,
  look: ScanOnce,
): Promise<ScanResult> {
  const { known, tries, inHand } = poison
  const until = uptime() + timeout
  const timeLeft = () => Math.max(1, until - uptime())
  const withheld = (why: string): ScanResult => {
    return {
      answer: 'unknown',
      scanner,
      why: `poison: ${why} (POISONTRIES)`,
      cause: 'poison',
      unfinished: true,
    }
  }
  for (let looks = 1; ; looks++) {
    const left = known.leftAloneFor(message.fingerprint, tries)
    if (left !== undefined) return withheld(tooHarmful(tries, left))
    const turn = await known.turn(message, timeLeft() / 4)
    if (turn.kind === 'held back') return withheld(tooAlike(turn.mark))
    const noted = inHand?.note(message)
    const since = known.uptime()
    let result: ScanResult
    try {
      result = await look(timeLeft(), turn.isSuspect ? 'this' : known.isAny ? 'others' : undefined)
    } finally {
      noted?.()
      turn.over()
    }
    if (result.answer !== 'unknown') {
      known.answered(message)
      return result
    }
    // A client that gives no time must not have a message left unscanned.
    if (!result.harmful || timeout < fullTime / 2) return result
    const count = await known.harmed(message, since)
    const isAskedAgain = count === undefined && looks < LOOKS_MAX && timeLeft() > TIME_FOR_MORE
    if (isAskedAgain) continue
    const counted =
      count === undefined
        ? 'others went so with it, which counts against none'
        : `scan ${count} of ${tries} that went so`
    return { ...result, why: `${result.why}; ${counted} (POISONTRIES)` }
  }
}

/** The same scanner, told that there are messages that may kill it, and whether this is one. */
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
