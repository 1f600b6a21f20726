import type { QuotaLookup } from '../../quota/answer.ts'
import type { Account } from '../daemon/memory.ts'
import type { Reception } from './reception.ts'

/** What a session, and each mail in it, needs of the house that it takes place in. */
export interface House {
  /** Undefined where recipients are taken unasked. */
  readonly quota: QuotaLookup | undefined
  /** How the message that comes now is received; throws a Fault where there is no room for it. */
  receive(): Reception
  /** Of the memory of this process, for what is kept of one message before it counts as here. */
  openAccount(): Account
  /** A message that was received is over, whatever became of it. */
  release(): void
  /** A line of the log about mail. */
  log(line: Buffer): void
  /** Milliseconds on a clock that never goes back. */
  now(): number
}
