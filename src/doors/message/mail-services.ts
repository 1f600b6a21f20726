import type { Configuration } from '../../configuration/configuration.ts'
import { Fault } from '../../lib/errors/fault.ts'
import type { Budget, MemoryLease } from '../../lib/flow/memory-budget.ts'
import { Semaphore } from '../../lib/flow/semaphore.ts'
import { withDeadline } from '../../lib/flow/timeout.ts'
import { formatDuration } from '../../lib/text/units.ts'
import type { MessageOptions } from '../../mail/message/intake.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import type { MailReporter } from '../../observe/live/process-report.ts'
import { NOTHING_SCANS } from '../../scan/judge/config.ts'
import type { JudgeContext } from '../../scan/judge/context.ts'
import type { TimedLookup } from '../../scan/quota/quota-answer.ts'
import type { Rules } from '../../scan/rules/match.ts'

/** The options of an interface that receives mail from a mail server. */
export interface MailDoorOptions {
  /** The memory of the interface for parts of messages that are not judged yet. */
  readonly budget: Budget
  /** Connections at once, those that end included. Any more wait. */
  readonly maxSockets?: number
  /** Logs trouble of the daemon itself. */
  readonly log: (line: string) => void
  /** Logs the outcome of a message. */
  readonly mailLog: (line: Buffer) => void
  /** Shows to operators what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/** The services that such an interface provides for a session and for each message in it. */
export class MailServices {
  /** The current configuration. A message keeps the one that it began with. */
  configuration: Configuration
  /** Opens a lease of the interface's memory, for the data of one message of a client before it is judged. */
  readonly openLease: (client: string) => MemoryLease
  /** Logs a line about mail. */
  readonly log: (line: Buffer) => void
  /** Reports that a message is being judged. The returned function is called when that ends. */
  readonly begin: MailReporter['begin'] | undefined
  /** Returns milliseconds of a monotonic clock. */
  readonly uptime = (): number => performance.now()

  constructor(first: Configuration, { budget, mailLog, reporter }: MailDoorOptions) {
    this.configuration = first
    this.openLease = (client) => budget.open(client)
    this.log = mailLog
    this.begin = reporter?.begin
  }

  /** Undefined if no rule refuses recipients, or no mail is judged at present. */
  get rules(): Rules | undefined {
    const lines = this.configuration.context?.rules?.lines
    return lines?.refuseSome && !this.#isOff() ? lines : undefined
  }

  /**
   * Whether single recipients may be treated differently, so that all servers must agree on the mailbox: a
   * line of onescan.policy(5) may name the mailbox, or its mail may be kept.
   */
  get needsPlainRecipients(): boolean {
    const { context } = this.configuration
    const mayDiffer =
      context?.rules !== undefined || context?.config.settings.QUARANTINE?.kind === 'directory'
    return mayDiffer && !this.#isOff()
  }

  /** Undefined if quotas are not checked. */
  get quota(): TimedLookup | undefined {
    const { quota } = this.configuration
    return quota && !this.#isOff() ? quota : undefined
  }

  /** Looks whether scanning is switched off. It is called when a message begins, and holds for all of it. */
  async lookAtSwitch(): Promise<void> {
    await this.configuration.off.look()
  }

  #isOff(): boolean {
    return this.configuration.off.value !== undefined
  }
}

/** How one message is judged: by the configuration at the time of its arrival. */
export type Judging =
  | {
      readonly kind: 'pass'
      /** Why the message passes as it is, unscanned. */
      readonly why: string
      /** The options for keeping the message. */
      readonly messageOptions: MessageOptions
    }
  | {
      readonly kind: 'judge'
      /** The options for keeping and reading the message. */
      readonly messageOptions: MessageOptions
      /** Whether all clients count as hosts of the cluster (CLUSTERPEER). */
      readonly isClusterPeer: boolean
      readonly context: JudgeContext
    }

/** Returns how a message that arrives now is judged, by the switch as the interface has last seen it. */
export function startJudging(configuration: Configuration): Judging {
  const { context, off, env, messageOptions } = configuration
  const pass = (why: string): Judging => {
    const spool = context?.config.spool ?? readSpoolSettings(env)
    return { kind: 'pass', why, messageOptions: { spool } }
  }
  if (context === undefined) return pass(NOTHING_SCANS)
  if (off.value !== undefined) return pass(off.value)
  return { kind: 'judge', messageOptions, isClusterPeer: env.CLUSTERPEER !== undefined, context }
}

/**
 * Upper limit, in milliseconds, for which a message waits until others have been judged. Together with the
 * default of SCANTIMEOUT it is below the 300 seconds that MTAs wait for an answer.
 */
const TURN_WITHIN = 120_000

/** Limits the number of messages that are judged concurrently (--max-clients). Others wait for their turn. */
export class Turns {
  readonly #atOnce: number
  readonly #places: Semaphore

  constructor(atOnce: number) {
    this.#atOnce = atOnce
    this.#places = new Semaphore(atOnce)
  }

  /**
   * Waits for a turn. Resolves to a function that must be called when the message is done. Rejects with a
   * Fault of kind `out-of-memory` if that takes too long, or when the signal `gone` is aborted.
   */
  async take(gone: AbortSignal, within: number = TURN_WITHIN): Promise<() => void> {
    const over = this.#places.isFree
      ? await this.#places.acquire(gone)
      : await withDeadline(within, gone, (sooner) => this.#places.acquire(sooner))
    if (over !== undefined) return over
    const why = gone.aborted ? 'the client has left' : `no turn in ${formatDuration(within)}`
    throw new Fault(
      'out-of-memory',
      `over ${this.#atOnce} messages at once (--max-clients): ${why}`,
    )
  }
}
