/** Milliseconds that a client has: RFC 5321 4.5.3.2.7 wants five minutes at least. */
export interface SmtpTimeouts {
  /** Of silence, whatever the client is doing. */
  readonly silence: number
  /** From the first byte of a command to its last. */
  readonly command: number
  /** From the answer to DATA to the end of the content. */
  readonly content: number
  /**
   * In which the session waits for the client and comes no further; after that it may be closed to
   * make room for another one.
   */
  readonly makesRoomAfter: number
  /** From QUIT to the end of the client's side, if it still waits for answers then. */
  readonly end: number
  /** For the last reply to be taken. */
  readonly leaving: number
}

export const defaultTimeouts: SmtpTimeouts = {
  silence: 300_000,
  command: 300_000,
  content: 3_600_000,
  makesRoomAfter: 5_000,
  end: 5_000,
  leaving: 5_000,
}
