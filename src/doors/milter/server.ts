import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { QuotaLookup } from '../../quota/ask/quota-answer.ts'
import type { Rules } from '../../rules/match.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import type { MessageReception } from './receive.ts'

/** What a session, and each message in it, needs of the milter door. */
export interface MilterServer {
  /** Whether the MTA is on this host, behind a unix socket. */
  readonly isLocal: boolean
  /** Undefined if no recipient is asked about. */
  readonly quota: QuotaLookup | undefined
  /** Undefined if no rule refuses recipients. */
  readonly rules: Rules | undefined
  /** Begins to receive the message that comes now. */
  receive(): MessageReception
  /**
   * Opens a lease of this process's memory, for what is kept of one message before it is judged.
   */
  openLease(): MemoryLease
  /**
   * Waits until a whole message may be judged, and resolves to what must be called when that is
   * over. Rejects with a Fault of kind `out-of-memory` if that takes too long, or if the MTA has
   * left.
   */
  turn(gone: AbortSignal): Promise<() => void>
  /** Logs a line about mail. */
  log(line: Buffer): void
  /** Shows that a message is being judged; the result is called when that is over. */
  readonly begin?: MailReporter['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
}
