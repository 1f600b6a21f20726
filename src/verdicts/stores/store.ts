/**
 * A store of sealed verdicts, by fingerprint. It never throws: a store that is away, slow or full returns
 * nothing and keeps nothing, and the message is scanned.
 */
export interface VerdictStore {
  /**
   * Returns the stored bytes, which anybody may have put there; undefined if there are none, and this
   * host scans the message. If another host is scanning it, waits for its verdict, `patience`
   * milliseconds at most (0).
   */
  get(fingerprint: Buffer, patience?: number): Promise<Buffer | undefined> | Buffer | undefined
  /** Stores a verdict for at most so many seconds; nobody waits until it is stored. */
  put(fingerprint: Buffer, sealed: Buffer, seconds: number): void
  /**
   * Tells other hosts that the scan after a `get` without result found no verdict: they need not wait.
   */
  release?(fingerprint: Buffer): void
  /** The state of a store that hosts share; only such a store has this function. */
  sharing?(): Sharing
  close(): void
}

/** What a process has asked a shared store, and put there, since it was opened. */
export interface SharingCounters {
  /** Messages for which the store was asked. */
  asked: number
  /** Those of them for which it had a verdict. */
  known: number
  /** Messages that waited for the verdict of another host, which was scanning a copy. */
  waited: number
  /** Questions that were not answered within VERDICTTIMEOUT. */
  late: number
  /** Questions and verdicts that the store answered with an error. */
  errors: number
  /** Verdicts that the store has taken. */
  published: number
}

export interface Sharing {
  readonly counters: Readonly<SharingCounters>
  /** Why verdicts are not shared now, in one line, as in the log; undefined if they are. */
  readonly trouble: string | undefined
}
