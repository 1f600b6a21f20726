import { switchedOff } from '../../judge/policy.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { QuotaLookup } from '../../quota/ask/quota-answer.ts'
import type { Rules } from '../../rules/match.ts'
import type { Configuration } from './configuration.ts'
import { needsPlainRecipients, refusingRules } from './judging.ts'
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
export class MailServices {
  /** That of the moment; a message keeps the one that it began with. */
  configuration: Configuration
  /**
   * Opens a lease of this process's memory, for what is kept of one message before it is judged.
   */
  readonly openLease: () => MemoryLease
  /** Logs a line about mail. */
  readonly log: (line: Buffer) => void
  /** Shows that a message is being judged; the result is called when that is over. */
  readonly begin: MailReporter['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly uptime = (): number => performance.now()

  constructor(first: Configuration, { budget, mailLog, reporter }: MailDoorOptions) {
    this.configuration = first
    this.openLease = () => budget.open()
    this.log = mailLog
    this.begin = reporter?.begin
  }

  /** Undefined if no rule refuses recipients. */
  get rules(): Rules | undefined {
    return refusingRules(this.configuration)
  }

  /** Whether each recipient must be the same mailbox for all mail servers. */
  get needsPlainRecipients(): boolean {
    return needsPlainRecipients(this.configuration)
  }

  /** Undefined if no recipient is asked about. */
  get quota(): QuotaLookup | undefined {
    const { quota, directories } = this.configuration
    // Without a lookup, no file needs to be looked for.
    return quota && switchedOff(directories) === undefined ? quota : undefined
  }
}
