import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { QuotaLookup } from '../../quota/ask/quota-answer.ts'
import type { Rules } from '../../rules/match.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import type { MessageReception } from './receive.ts'

/** What a session, and each mail in it, needs of the milter server. */
export interface MilterServer {
  /** Whether the MTA is on this host, behind a unix socket. */
  readonly isLocal: boolean
  /** Undefined if recipients are taken unasked. */
  readonly quota: QuotaLookup | undefined
  /** Undefined if no recipient is refused by them. */
  readonly rules: Rules | undefined
  /** How the message that comes now is received. */
  receive(): MessageReception
  /** Memory of this process for what is kept of one message before it is judged. */
  openLease(): MemoryLease
  /**
   * Resolves when a message that is whole may be judged, with what is called when that is over.
   * Rejects with a Fault of kind `out-of-memory` if that takes too long, or if the MTA has gone.
   */
  turn(gone: AbortSignal): Promise<() => void>
  /** A line of the log about mail. */
  log(line: Buffer): void
  /** A message is being judged; call the result when that is over. */
  readonly begin?: MailReporter['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  now(): number
}
