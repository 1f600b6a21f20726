import type { Configuration } from '../shared/configuration.ts'
import { type MailDoorOptions, MailServices } from '../shared/mail-door.ts'
import { Turns } from '../shared/turns.ts'

/** The options of the milter door, besides its configuration. */
export interface MilterOptions extends MailDoorOptions {
  /** Messages that are judged at once. Others wait, if there is memory for them. */
  readonly maxClients: number
  /** Connections at once. Any more wait. */
  readonly maxConnections?: number
  readonly timeouts?: MilterTimeouts
}

/** Milliseconds that an MTA has. */
export interface MilterTimeouts {
  /** From its connection to the end of the negotiation, which MTAs begin at once. */
  readonly negotiation: number
  /**
   * Between two progress packets while a message is judged; Sendmail and Postfix wait 300 s at
   * most.
   */
  readonly progressAfter: number
  /**
   * Of silence within a packet, or within the content of a message: an MTA has all of that before it
   * begins to send.
   */
  readonly stalled: number
  /** Between two commands, while an SMTP client may think; the default of libmilter. */
  readonly idle: number
  /** For the last answer to be taken. */
  readonly leaving: number
}

export const defaultTimeouts: MilterTimeouts = {
  negotiation: 10_000,
  progressAfter: 10_000,
  stalled: 60_000,
  idle: 7_210_000,
  leaving: 5_000,
}

/** The services that the door gives to a session and to each message in it. */
export class MilterServices extends MailServices {
  readonly turns: Turns

  constructor(first: Configuration, options: MilterOptions) {
    super(first, options)
    this.turns = new Turns(options.maxClients)
  }
}
