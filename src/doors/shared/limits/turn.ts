import { Fault } from '../../../ground/errors/fault.ts'
import type { Semaphore } from '../../../ground/flow/concurrency-limit.ts'
import { withDeadline } from '../../../ground/flow/deadline.ts'

/**
 * Milliseconds that a message waits for others to be judged. With SCANTIMEOUT's standard of 150 s
 * that stays below the 300 s that MTAs wait for an answer.
 */
export const TURN_WITHIN = 120_000

/**
 * Resolves when one of the messages that are judged at once is over, with what is called when this
 * one is. Rejects with a Fault of kind `out-of-memory` if that takes too long, or at the signal.
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
