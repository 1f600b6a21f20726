import { Fault } from '../../../ground/errors/fault.ts'
import { withDeadline } from '../../../ground/flow/deadline.ts'
import type { Semaphore } from '../../../ground/flow/semaphore.ts'

/**
 * The most milliseconds that a message waits until others have been judged. Together with the
 * default of SCANTIMEOUT they stay below the 300 seconds that MTAs wait for an answer.
 */
export const TURN_WITHIN = 120_000

/**
 * Waits until fewer than `atOnce` messages are being judged. Resolves with a function that is to be
 * called when this message is done. Rejects with a Fault of kind `out-of-memory` if that takes too
 * long, or at the signal `gone`.
 */
export async function takeTurn(
  turns: Semaphore,
  atOnce: number,
  gone: AbortSignal,
  within: number = TURN_WITHIN,
): Promise<() => void> {
  const over = turns.isFree
    ? await turns.acquire(gone)
    : await withDeadline(within, gone, (sooner) => turns.acquire(sooner))
  if (over !== undefined) return over
  const why = gone.aborted ? 'it was left' : `no turn in ${within / 1000} seconds`
  throw new Fault('out-of-memory', `over ${atOnce} messages at once (--max-clients): ${why}`)
}
