import type { MailboxLocation } from './mailbox-location.ts'

export type MailboxResult =
  | {
      readonly kind: 'usage'
      readonly usage: MailboxUsage
      /** The limits that the mailbox itself has. */
      readonly limits: QuotaLimits | undefined
      /** The source in a word for people: `maildirsize`, `walk`. */
      readonly source: string
    }
  /** Another service has compared size and limits, and reports no numbers. */
  | { readonly kind: 'compared'; readonly isFull: boolean; readonly source: string }
  | { readonly kind: 'no-such-user' }
  /** There is no mailbox at that path, or not yet. */
  | { readonly kind: 'no-mailbox' }
  /** The mailbox could not be read. `reason` is the reason. */
  | { readonly kind: 'trouble'; readonly reason: string }

/** The values that a mailbox is compared with. */
export interface Measure {
  /** Bytes of the announced message, or 0 if its size is unknown. */
  readonly incoming: number
  /** The limits that the administrator set for the user. They override those of the mailbox. */
  readonly limits: QuotaLimits | undefined
  /** The limits of users without other limits. */
  readonly defaultLimits: QuotaLimits
  /** Milliseconds that the query has waited for the list of users. */
  readonly waited?: number
}

/** Reads mailboxes of one kind. Never rejects. */
export type ReadMailbox = (
  mailbox: MailboxLocation,
  measure: Measure,
) => MailboxResult | Promise<MailboxResult>

/** The limits that are in effect: those of the user, else those of the mailbox, else the default ones. */
export function limitsOf(measure: Measure, mailboxLimits: QuotaLimits | undefined): QuotaLimits {
  return measure.limits ?? mailboxLimits ?? measure.defaultLimits
}

/** The limits of a mailbox. An absent limit is unlimited, and so is 0 wherever limits are read. */
export interface QuotaLimits {
  readonly bytes?: number
  readonly messages?: number
}

/** The usage of a mailbox. The number of messages is absent if it was not counted. */
export interface MailboxUsage {
  readonly bytes: number
  readonly messages?: number
}

/**
 * Returns whether one more message of `incoming` bytes would exceed the limits. A message of unknown size (0)
 * counts as one byte, as in Dovecot's quota-status, so that a mailbox at its limit is full.
 */
export function isFull(usage: MailboxUsage, limits: QuotaLimits, incoming: number): boolean {
  if (limits.bytes && usage.bytes + Math.max(1, incoming) > limits.bytes) return true
  return Boolean(
    limits.messages && usage.messages !== undefined && usage.messages >= limits.messages,
  )
}

/**
 * Reads limits as administrators and directories write them: `10000000S,1000C` as in maildirsize,
 * or a number of bytes, perhaps followed by K, M, G or T (powers of 1,024). Returns undefined for
 * anything else, and for numbers above 2^53, which would lose digits.
 */
export function parseLimits(text: string): QuotaLimits | undefined {
  const [, digits, unit = ''] = /^([0-9]{1,16})([KMGT]?)B?$/i.exec(text) ?? []
  if (digits !== undefined) {
    const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit.toUpperCase())
    const bytes = Number(digits) * 1024 ** power
    return Number.isSafeInteger(bytes) ? { bytes } : undefined
  }
  return parseMaildirLimits(text)
}

/**
 * Reads limits as the first line of maildirsize has them (maildirquota(7)): numbers with S for
 * bytes or C for messages. Returns undefined for anything else.
 */
export function parseMaildirLimits(text: string): QuotaLimits | undefined {
  const limits: { bytes?: number; messages?: number } = {}
  for (const word of text.split(',')) {
    const [, digits, unit] = /^\s*([0-9]{1,16})([SC])\s*$/.exec(word) ?? []
    const value = Number(digits)
    if (!Number.isSafeInteger(value)) return undefined
    limits[unit === 'S' ? 'bytes' : 'messages'] = value
  }
  return limits
}

/** Milliseconds after which a count is given up, and a read counts as hung. */
export const READ_TIMEOUT = 60_000

/** The number of mailboxes, and of users, that are cached. */
export const REMEMBERED_MAX = 100_000

/** The two clocks of a process, which are passed as arguments. */
export interface Clocks {
  /** The wall clock, milliseconds since 1970: for times that hosts and files name. */
  readonly now: () => number
  /** Milliseconds on a monotonic clock: for durations and deadlines. */
  readonly uptime: () => number
}
