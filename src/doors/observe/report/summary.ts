/** The decisions about messages: onescan-log(5). */
export const DECISIONS = ['accept', 'quarantine', 'reject', 'defer', 'discard', 'pass'] as const
export type DecisionWord = (typeof DECISIONS)[number]

/** The outcomes of scans, or why there was none: the field `scan` of onescan-log(5). */
export const SCANS = ['clean', 'infected', 'unknown', 'skipped', 'trusted', 'known'] as const
export type ScanWord = (typeof SCANS)[number]

/** Counts a word, if it is one of these. */
export function countWord(
  counts: Map<string, number>,
  words: readonly string[],
  word: string | undefined,
): void {
  if (word !== undefined && words.includes(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
}

/** A name in the log, and how often it came. */
export interface NameCount {
  readonly name: string
  readonly count: number
}

/** The times of scans in milliseconds. */
export interface ScanTime {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** The counts of a host in a day. */
export interface Period {
  /** When it begins by local time, in milliseconds since 1970; null for lines without a time. */
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

/** The report of `onescan report`; `--json` prints it as it is. */
export interface Summary {
  /**
   * The times of the first and last line in milliseconds since 1970; null if no line had a time.
   */
  readonly first: number | null
  readonly last: number | null
  /** How many lines could be read. */
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
    readonly mean: number
    readonly milliseconds: number
  }
  readonly days: readonly Period[]
  readonly viruses: readonly NameCount[]
  readonly slowest: readonly SlowScan[]
  /** The causes of temporary failures, with # for each number in them. */
  readonly deferrals: readonly NameCount[]
  /** Why `onescanc` went cold, with # for each number. Another line tells of the same message. */
  readonly wentCold: readonly NameCount[]
  /** The recipients whose full mailboxes deferred mail. */
  readonly overQuota: readonly NameCount[]
  /**
   * Recipients that were deferred by themselves, before there was a message; they do not count as
   * messages.
   */
  readonly recipientsDeferred: number
  /** What smtp-delay did with connections. */
  readonly greetings: readonly NameCount[]
}
