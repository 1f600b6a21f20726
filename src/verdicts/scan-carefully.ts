import type { Crypto } from '../ground/runtime/crypto.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { ScanTask } from '../scan/shared/scanner.ts'
import { exactFingerprintOf } from './copies/fingerprint.ts'
import type { MessageIdentity } from './copies/message-identity.ts'
import type { RunScanners } from './copies/verdict-query.ts'
import type { HostMemory } from './host-memory.ts'

export interface CarefulScanOptions {
  readonly crypto: Crypto
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /**
   * Milliseconds that a scan usually has here (SCANTIMEOUT). A scan that had less than half of that, or
   * was abandoned, says nothing about the message.
   */
  readonly fullTime: number
  /** What is known about messages that scanners died of, and the notes of what is being scanned. */
  readonly memory: Pick<HostMemory, 'poison' | 'inHand'>
  /** Failed scans after which a message is not scanned for a while; 0: it is always scanned. */
  readonly poisonTries: number
}

/** Most scans of a message whose scanner died: the first one, and two more as a suspect. */
const SCANS_MAX = 3
/** Milliseconds that must be left for another scan. */
const TIME_FOR_MORE = 1_000

/**
 * Scans a message within `timeout` milliseconds, unless its scans failed too often; counts each failure.
 * A message that was with a scanner when the scanner died is scanned again as a suspect, unless it is
 * known to be the reason: it must not be deferred because of the mail beside it. `told` as in a ScanTask.
 */
export async function scanCarefully(
  identity: MessageIdentity,
  runScanners: RunScanners,
  timeout: number,
  { memory, poisonTries, fullTime, uptime, crypto }: CarefulScanOptions,
  told?: ScanTask['signatures'],
): Promise<ScanResult> {
  const { message, scanners, marks } = identity.query
  if (poisonTries === 0) return runScanners(scanners, timeout, { signatures: told })
  const { poison, inHand } = memory
  const until = uptime() + timeout
  const timeLeft = () => Math.max(1, until - uptime())
  const { fingerprintInput, secrets } = identity
  const body = message.body()
  const fingerprint = await exactFingerprintOf(fingerprintInput, body, secrets.fingerprint, crypto)
  const suspected = { fingerprint, marks }
  const withheld = (why: string): ScanResult => {
    const scanner = identity.scanners[0]!.name
    const text = `poison: ${why} (POISONTRIES)`
    return { answer: 'unknown', scanner, why: text, cause: 'poison', unfinished: true }
  }
  for (let scans = 1; ; scans++) {
    const left = poison.leftAloneFor(fingerprint, poisonTries)
    if (left !== undefined) return withheld(tooHarmful(poisonTries, left))
    const turn = await poison.turn(suspected, timeLeft() / 4)
    if (turn.kind === 'held back') return withheld(tooAlike(turn.mark))
    const suspects = turn.isSuspect ? 'this' : poison.isAny ? 'others' : undefined
    const noted = inHand?.note(suspected)
    const since = poison.uptime()
    let result: ScanResult
    try {
      result = await runScanners(scanners, timeLeft(), { signatures: told, suspects })
    } finally {
      noted?.()
      turn.end()
    }
    if (result.answer !== 'unknown') {
      poison.answered(suspected)
      return result
    }
    // If the client gave no time, the failure says nothing about the message.
    if (!result.harmful || timeout < fullTime / 2) return result
    const count = await poison.harmed(suspected, since)
    const isAskedAgain = count === undefined && scans < SCANS_MAX && timeLeft() > TIME_FOR_MORE
    if (isAskedAgain) continue
    const counted =
      count === undefined
        ? 'scans of other messages failed with it, so this one does not count'
        : `failed scan ${count} of ${poisonTries}`
    return { ...result, why: `${result.why}; ${counted} (POISONTRIES)` }
  }
}

function tooHarmful(tries: number, left: number): string {
  const minutes = Math.ceil(left / 60_000)
  return `scanners died of it or took too long ${tries} times; not scanned for ${minutes} minutes`
}

function tooAlike(mark: string): string {
  return `scanners died of several messages of ${mark}; not scanned until another one of these was`
}
