import type { QuotaLookup } from '../../quota/quota-answer.ts'
import type { Witness } from '../../visible/live/witness.ts'
import type { Account } from '../shared/memory.ts'
import type { Receiving } from './receive.ts'

/** What a session, and each mail in it, needs of the milter server. */
export interface MilterServer {
  /** Undefined if recipients are taken unasked. */
  readonly quota: QuotaLookup | undefined
  /** How the message that comes now is received. */
  receive(): Receiving
  /** Of the memory of this process, for what is kept of one message before it counts as here. */
  openAccount(): Account
  /**
   * Resolves when a message that is whole may be judged, with what is called when that is over.
   * Rejects with a Fault of kind `out-of-memory` if that takes too long, or if the MTA has gone.
   */
  turn(gone: AbortSignal): Promise<() => void>
  /** A line of the log about mail. */
  log(line: Buffer): void
  /** A message is being judged; call the result when that is over. */
  readonly begin?: Witness['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  now(): number
}
