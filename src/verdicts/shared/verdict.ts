/** The verdict of scanners about a message, which counts for its copies for a while. */
export interface RememberedVerdict {
  readonly found:
    | { readonly answer: 'clean' }
    | {
        readonly answer: 'infected'
        /** The signature's name. */
        readonly name: string
        /** The scanner that found it. */
        readonly scanner: string
      }
  /** Names of the scanners that ran, as in a stamp's `s=`. */
  readonly scanners: readonly string[]
  /** The versions of their signatures before the scan (signatures.ts). */
  readonly signatures: string
  /** When the scan began, unix seconds. */
  readonly time: number
  /** The host that scanned. */
  readonly host: string
}
