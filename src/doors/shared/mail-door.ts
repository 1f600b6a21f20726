import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { QuotaLookup } from '../../quota/ask/quota-answer.ts'
import type { Rules } from '../../rules/match.ts'
import type { Budget, MemoryLease } from './limits/memory-budget.ts'

/** The options of a door that receives mail from a mail server. */
export interface MailDoorOptions {
  /** Memory of the whole process for parts of messages that are not judged yet. */
  readonly budget: Budget
  /** Logs trouble of the daemon itself. */
  readonly log: (line: string) => void
  /** Logs what became of a message. */
  readonly mailLog: (line: Buffer) => void
  /** Shows to operators what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/** The services that such a door gives to a session and to each message in it. */
export interface MailDoorServices {
  /** Undefined if no recipient is asked about. */
  readonly quota: QuotaLookup | undefined
  /** Undefined if no rule refuses recipients. */
  readonly rules: Rules | undefined
  /** Whether each recipient must be the same mailbox for all mail servers. */
  readonly needsPlainRecipients: boolean
  /**
   * Opens a lease of this process's memory, for what is kept of one message before it is judged.
   */
  openLease(): MemoryLease
  /** Logs a line about mail. */
  log(line: Buffer): void
  /** Shows that a message is being judged; the result is called when that is over. */
  readonly begin?: MailReporter['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
}
