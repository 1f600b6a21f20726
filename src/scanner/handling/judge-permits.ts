import { Fault } from '../../base/errors/fault.ts'
import { Semaphore } from '../../base/flow/semaphore.ts'
import { withDeadline } from '../../base/flow/timeout.ts'
import { formatDuration } from '../../base/text/units.ts'

/**
 * Upper limit, in milliseconds, for which a message waits until others have been judged. Together with the
 * default of SCANTIMEOUT it is below the 300 seconds that MTAs wait for an answer.
 */
const PERMIT_TIMEOUT = 120_000

/** Limits the number of messages that are judged concurrently (--max-clients). Others wait. */
export class JudgePermits {
  readonly #atOnce: number
  readonly #places: Semaphore

  constructor(atOnce: number) {
    this.#atOnce = atOnce
    this.#places = new Semaphore(atOnce)
  }

  /**
   * Waits for a permit. Resolves to a function that must be called when the message is done. Rejects with a
   * Fault of kind `overload` if that takes too long, and of kind `read` when the signal `gone` is aborted.
   */
  async take(gone: AbortSignal, within: number = PERMIT_TIMEOUT): Promise<() => void> {
    const over = this.#places.isFree
      ? await this.#places.acquire(gone)
      : await withDeadline(within, gone, (sooner) => this.#places.acquire(sooner))
    if (over !== undefined) return over
    const crowd = `more than ${this.#atOnce} messages at once (--max-clients)`
    if (gone.aborted) throw new Fault('read', `${crowd}: the client disconnected while it waited`)
    throw new Fault(
      'overload',
      `${crowd}: this one got no turn within ${formatDuration(within)}; raise --max-clients, or give the scanner more CPUs`,
    )
  }
}
