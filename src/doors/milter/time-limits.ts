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
   * Of silence amid a packet or the content of a message, all of which an MTA has before it begins.
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
