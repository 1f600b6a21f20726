/**
 * Where sealed verdicts are kept, by fingerprint. A store that is away, slow or full gives
 * nothing and keeps nothing, and nobody hears more of it than a scan costs: it never throws.
 */
export interface VerdictStore {
  /**
   * What was put there, or anything else that somebody else has put there, or nothing: then this
   * host scans. If another host is at that, its verdict is waited for, `patience` milliseconds at
   * most (0).
   */
  get(fingerprint: Buffer, patience?: number): Promise<Buffer | undefined> | Buffer | undefined
  /** Nobody waits for it. It may be forgotten sooner than after so many seconds, and not later. */
  put(fingerprint: Buffer, sealed: Buffer, seconds: number): void
  /** The scan for which `get` gave nothing came to no verdict: others need not wait for it. */
  release?(fingerprint: Buffer): void
  /** How it goes, of a store that hosts share. */
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
  /** Verdicts that it never got: there were too many while it was away, or they were too old then. */
  dropped: number
}

export interface Sharing {
  readonly counters: Readonly<SharingCounters>
  /** What keeps it from sharing now, in one line, or undefined: as the log says it. */
  readonly trouble: string | undefined
  /** Verdicts that are to be put there when it is back. */
  readonly unpublished: number
}
