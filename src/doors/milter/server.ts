import type { QuotaLookup } from '../../quota/quota-answer.ts'
import type { Witness } from '../../visible/live/witness.ts'
import type { Account } from '../shared/memory.ts'
import type { Receiving } from './receive.ts'

/** What a session, and each mail in it, needs of the milter server. */
export interface MilterServer {
  /** Undefined if recipients are taken unasked. */
  readonly quota: QuotaLookup | undefined
  /** How the message that comes now is received; throws a Fault if there is no room for it. */
  receive(): Receiving
  /** Of the memory of this process, for what is kept of one message before it counts as here. */
  openAccount(): Account
  /** A message that was received is over, whatever became of it. */
  release(): void
  /** A line of the log about mail. */
  log(line: Buffer): void
  /** A message is being judged; call the result when that is over. */
  readonly begin?: Witness['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  now(): number
}
