import type { Infected } from '../scanners/findings/scan-result.ts'

/** The verdict of scanners about a message, which applies to its copies for a while. */
export interface CachedVerdict {
  readonly found: { readonly answer: 'clean' } | (Infected & { readonly scanner: string })
  /** Names of the scanners that ran, as in a stamp's `s=`. */
  readonly scanners: readonly string[]
  /** The versions of their signatures before the scan (signature-version.ts). */
  readonly signatures: string
  /** When the scan began, unix seconds. */
  readonly time: number
  /** The host that scanned. */
  readonly host: string
}
