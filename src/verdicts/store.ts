/**
 * A place where sealed verdicts are kept by fingerprint. It never throws: a store that is away,
 * slow or full gives nothing and keeps nothing, and that never costs more than a scan does.
 */
export interface VerdictStore {
  /**
   * What is stored, which may come from anybody; or nothing: then this host scans. If another host
   * is scanning the message, its verdict is waited for, `patience` milliseconds at most (0).
   */
  get(fingerprint: Buffer, patience?: number): Promise<Buffer | undefined> | Buffer | undefined
  /** Nobody waits for it. It may be forgotten sooner than after so many seconds, and not later. */
  put(fingerprint: Buffer, sealed: Buffer, seconds: number): void
  /**
   * The scan that followed a `get` without result found no verdict: others need not wait for it.
   */
  release?(fingerprint: Buffer): void
  /** How well it goes; set for a store that hosts share. */
  sharing?(): Sharing
  close(): void
}

/** What a process has asked a store that hosts share, and put there, since it was opened. */
export interface SharingCounters {
  /** Messages for which it was asked. */
  asked: number
  /** Of these, how many it had a verdict for. */
  known: number
  /** Messages that waited for a verdict of another host, which was scanning a copy. */
  waited: number
  /** Questions that were not answered within VERDICTTIMEOUT. */
  late: number
  /** Questions and verdicts that it answered with an error. */
  errors: number
  /** Verdicts that it has taken. */
  published: number
  /**
   * Verdicts that it never got: there were too many while it was away, or they had become too old.
   */
  dropped: number
}

export interface Sharing {
  readonly counters: Readonly<SharingCounters>
  /** Why it does not share now, in the log's words, in one line; undefined if it does. */
  readonly trouble: string | undefined
  /** Verdicts that are to be put there when it is back. */
  readonly unpublished: number
}
