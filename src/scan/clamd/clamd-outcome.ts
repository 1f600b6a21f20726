/** The outcome of one conversation with clamd; `why` is one line without the address. */
export type ClamdOutcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** There was no connection, so nothing was sent. The message may go to another server. */
  | {
      readonly kind: 'unreachable'
      readonly why: string
      readonly state: Absence
      /** Set if a kept connection broke in the same conversation a moment before. */
      readonly broke?: true
    }
  /** The server took the connection and closed it before its reply was whole. */
  | { readonly kind: 'broken'; readonly why: string; readonly begun: boolean }
  /** The signal fired. clamd may go on scanning, so it is not asked again. */
  | { readonly kind: 'timed-out'; readonly why: string }

/**
 * Why there is no connection. `full`: the server's queue of connections is full. `refused`: nobody
 * listens. `silent`: the server says nothing, which over TCP may be a full queue, too. `gone`:
 * there is no such socket or host, or no right to connect.
 */
export type Absence = 'full' | 'refused' | 'silent' | 'gone'

/** What is sent in one call: bytes, perhaps with a descriptor, which stays open here. */
export type ClamdPacket = Buffer | { readonly bytes: Buffer; readonly descriptor: number }
