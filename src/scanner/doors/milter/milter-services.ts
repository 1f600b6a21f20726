import type { Configuration } from '../../configuration/configuration.ts'
import { JudgePermits } from '../../handling/judge-permits.ts'
import { type MailDoorOptions, MailServices } from '../../handling/mail-services.ts'

/** The options of the milter door, in addition to its configuration. */
export interface MilterOptions extends MailDoorOptions {
  /** Messages that are judged at once. Others wait, if there is memory for them. */
  readonly maxClients: number
  /** Upper limit for connections. Further ones wait. */
  readonly maxConnections?: number
  readonly timeouts?: MilterTimeouts
}

/** Milliseconds that an MTA has. */
export interface MilterTimeouts {
  /** From its connection to the end of the negotiation, which MTAs begin at once. */
  readonly negotiation: number
  /** Time between two progress packets while a message is judged. Sendmail and Postfix wait at most 300 s. */
  readonly progressAfter: number
  /**
   * Silence within a packet, or within the content of a message: an MTA has all of that before it begins to
   * send.
   */
  readonly stalled: number
  /** Time between two commands, while an SMTP client may be idle; the default of libmilter. */
  readonly idle: number
  /** Time for the MTA to accept the last answer. */
  readonly leaving: number
}

export const milterTimeouts: MilterTimeouts = {
  negotiation: 10_000,
  progressAfter: 10_000,
  stalled: 60_000,
  idle: 7_210_000,
  leaving: 5_000,
}

/** The services that the door provides for a session and for each message in it. */
export class MilterServices extends MailServices {
  readonly permits: JudgePermits

  constructor(first: Configuration, options: MilterOptions) {
    super(first, options)
    this.permits = new JudgePermits(options.maxClients)
  }
}
