/**
 * Where sealed verdicts are kept, by fingerprint. A store that is away, slow or full gives
 * nothing and keeps nothing, and nobody hears more of it than a scan costs: it never throws.
 */
export interface VerdictStore {
  /** What was put there, or anything else that somebody else has put there, or nothing. */
  get(fingerprint: Buffer): Promise<Buffer | undefined> | Buffer | undefined
  /** Nobody waits for it. It may be forgotten sooner than after so many seconds, and not later. */
  put(fingerprint: Buffer, sealed: Buffer, seconds: number): void
  close(): void
}
