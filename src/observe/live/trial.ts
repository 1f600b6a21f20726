/** The result of a trial whether mail is scanned. */
export interface Trial {
  /** Whether all came out right, and the disk has room for mail. */
  readonly right: boolean
  /** The result in one line. */
  readonly why: string
  /** When the trial was made, in milliseconds since 1970. */
  readonly at: number
  readonly doors: readonly {
    readonly kind: string
    readonly address: string
    readonly right: boolean
  }[]
}
