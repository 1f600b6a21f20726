/** What became of messages: onescan-log(5). */
export const DECISIONS = ['accept', 'quarantine', 'reject', 'defer', 'discard', 'pass'] as const
export type DecisionWord = (typeof DECISIONS)[number]

/** How a message was found to be what it is. */
export const SCANS = ['clean', 'infected', 'unknown', 'skipped', 'trusted', 'known'] as const
export type ScanWord = (typeof SCANS)[number]

export interface NameCount {
  readonly name: string
  readonly count: number
  /** How many more there may be at most, since its name came when many others had come. */
  readonly missed: number
}

/** Milliseconds. */
export interface ScanTime {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Counts of one host in one hour or day. */
export interface Period {
  /** Milliseconds since 1970 of its beginning by local time; null where lines had no time. */
  readonly start: number | null
  readonly host: string
  readonly messages: number
  readonly decisions: Readonly<Record<DecisionWord, number>>
  readonly scans: Readonly<Record<ScanWord, number>>
  readonly scanTime: ScanTime
}

export interface SlowScan {
  readonly milliseconds: number
  readonly time: number | null
  readonly host: string
  readonly id: string
  readonly from: string
  readonly size: number
}

/** What `onescan report` knows: `--json` prints it as it is. */
export interface Summary {
  /** Milliseconds since 1970 of the first and last line; null where no line had a time. */
  readonly first: number | null
  readonly last: number | null
  /** Lines that could be read, and bytes of all. */
  readonly lines: number
  readonly messages: number
  readonly decisions: Readonly<Record<DecisionWord, number>>
  readonly scans: Readonly<Record<ScanWord, number>>
  readonly scanTime: ScanTime
  /**
   * Scans that stamps and remembered verdicts spared; the mean time of those that were made and
   * came to an answer, and that time for each that was spared. Milliseconds.
   */
  readonly spared: {
    readonly stamps: number
    readonly verdicts: number
    readonly each: number
    readonly milliseconds: number
  }
  readonly hours: readonly Period[]
  readonly days: readonly Period[]
  readonly viruses: readonly NameCount[]
  readonly slowest: readonly SlowScan[]
  /** Causes of temporary failures, numbers in them as #. */
  readonly deferrals: readonly NameCount[]
  /** Why `onescanc` went cold, numbers as #; each is a message that another line tells of. */
  readonly wentCold: readonly NameCount[]
  /** Recipients of mail that was refused for their full mailboxes. */
  readonly overQuota: readonly NameCount[]
  /**
   * Recipients that were deferred by themselves, before there was a message; they do not count as
   * messages.
   */
  readonly recipientsPutOff: number
  /** What smtp-delay did with connections. */
  readonly greetings: readonly NameCount[]
}
