import type { Budget, MemoryLease } from '../../base/flow/memory-budget.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { MailReporter } from '../observe/live/process-report.ts'
import type { QuotaLookup } from '../scan/quota/quota-lookup.ts'
import type { Rules } from '../scan/rules/match.ts'

/** The options of a door that receives mail from a mail server. */
export interface MailDoorOptions {
  /** The memory of the door for parts of messages that are not judged yet. */
  readonly budget: Budget
  /** Upper limit for open sockets, including connections that are closing. Further clients wait. */
  readonly maxSockets?: number
  /** Logs trouble of the daemon itself. */
  readonly log: (line: string) => void
  /** Logs the outcome of a message. */
  readonly mailLog: (line: Buffer) => void
  /** Shows to operators what is done with mail. */
  readonly reporter?: MailReporter | undefined
  /** Returns milliseconds of a monotonic clock: that of the process if it is missing. */
  readonly uptime?: () => number
}

/** The services that such a door provides for a session and for each message in it. */
export class MailServices {
  /** The current configuration. A message keeps the one that it began with. */
  configuration: Configuration
  /** Opens a lease of the door's memory, for the data of one message of a client before it is judged. */
  readonly openLease: (client: string) => MemoryLease
  /** Logs a line about mail. */
  readonly log: (line: Buffer) => void
  /** Reports that a message is being judged. The returned function is called when that ends. */
  readonly showBegun: MailReporter['begin'] | undefined
  /** Returns milliseconds of a monotonic clock. */
  readonly uptime: () => number

  constructor(first: Configuration, options: MailDoorOptions) {
    const { budget, mailLog, reporter, uptime = readUptime } = options
    this.uptime = uptime
    this.configuration = first
    this.openLease = (client) => budget.open(client)
    this.log = mailLog
    this.showBegun = reporter?.begin
  }

  /** Undefined if no rule refuses recipients, or no mail is judged at present. */
  get rules(): Rules | undefined {
    const lines = this.configuration.context?.rules?.lines
    return lines?.refusesSome && !this.#isOff() ? lines : undefined
  }

  /**
   * Whether single recipients may be treated differently, so that all servers must agree on the mailbox: a
   * line of onescan.policy(5) may name the mailbox, or its mail may be quarantined.
   */
  get needsPlainRecipients(): boolean {
    const { context } = this.configuration
    const mayDiffer =
      context?.rules !== undefined || context?.config.settings.QUARANTINE?.kind === 'directory'
    return mayDiffer && !this.#isOff()
  }

  /** Undefined if quotas are not checked. */
  get quota(): QuotaLookup | undefined {
    const { quota } = this.configuration
    return quota && !this.#isOff() ? quota : undefined
  }

  /** Looks whether scanning is disabled. It is called when a message begins, and holds for all of it. */
  async lookAtSwitch(): Promise<void> {
    await this.configuration.off.poll()
  }

  #isOff(): boolean {
    return this.configuration.off.value !== undefined
  }
}
