import type { ScanResult } from '../scan/scan.ts'
import type { Scanner, ScanTask } from '../scan/shared/scanner.ts'
import type { InHand, InHandNotes } from './in-hand.ts'
import type { Poison } from './poison.ts'

/** Messages that scanners died of, and what follows from that. */
export interface PoisonPolicy {
  readonly known: Poison
  /** Scans that went wrong, after which there is none for a while. */
  readonly tries: number
  /** For who has to know what was in hand when this process comes to a sudden end. */
  readonly inHand?: InHandNotes | undefined
}

export interface CarefulOptions {
  readonly poison: PoisonPolicy
  /** Milliseconds for the message, and those that one is given here (SCANTIMEOUT). */
  readonly timeout: number
  readonly fullTime: number
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Who is named where none is asked. */
  readonly scanner: string
}

/** Looks at a message within so many milliseconds; `suspects` as that of a ScanTask. */
export type LookOnce = (timeout: number, suspects: ScanTask['suspects']) => Promise<ScanResult>

/** Looks at one message that its scanner did not outlive: the first, and two as a suspect. */
const LOOKS_MAX = 3
/** Milliseconds that must be left for another look. */
const TIME_FOR_MORE = 1_000

/**
 * Looks, unless that went wrong too often; whatever goes wrong is counted. A message that was with
 * a scanner when that died, and was not what it died of as far as is known, is asked about again, as
 * a suspect; that other mail was there must not cost it a delivery.
 */
export async function lookCarefully(
  message: InHand,
  { poison, timeout, fullTime, uptime, scanner }: CarefulOptions,
  look: LookOnce,
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
    const noted = inHand?.begin(message)
    const since = known.now()
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
    // A client that gives no time cannot have others' mail left alone.
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

/** The same scanner, which is told that there are messages that may kill it, and whether this is one. */
export function toldOfSuspects(who: NonNullable<ScanTask['suspects']>) {
  return (scanner: Scanner): Scanner => ({
    ...scanner,
    scan: (specimen, task) => scanner.scan(specimen, { ...task, suspects: who }),
  })
}

function tooHarmful(tries: number, left: number): string {
  const minutes = Math.ceil(left / 60_000)
  return `scanners died of it or took too long ${tries} times; not scanned for ${minutes} minutes`
}

function tooAlike(mark: string): string {
  return `scanners died of several messages of ${mark}; not scanned until another one of these was`
}
