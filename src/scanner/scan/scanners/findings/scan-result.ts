import { errorCode } from '../../../../base/errors/fault.ts'

/** Why a part of a message was not read. A retry would change nothing. */
export type Unread =
  /** It has more bytes than are scanned, or fewer than QHPSIMINSIZE: bytes that we have counted. */
  | 'size'
  /** Its unpacked size exceeds the scanner's limit, or it claims such a size. */
  | 'unpacked'
  /** Messages or multiparts are nested deeper than scanners read. */
  | 'depth'
  /** It holds more than is read. */
  | 'contents'
  /** It holds a text in a character set that is not read, or a container that cannot be read to its end. */
  | 'unreadable'
  /** It holds something encrypted. */
  | 'encrypted'
  /** It has what ordinary mail never has (mail/mime/reports/oddities.ts). */
  | 'oddities'
  /**
   * It was released from quarantine without a scan, it contains a part that no scanner here can read but some mail program
   * may (odd=unread), or it has a result that does not apply to copies.
   */
  | 'skipped'

/**
 * The result about a message or a part of it: of a scanner, of a scan with all its scanners, or of the host
 * that scanned a copy. Neither *unread* nor *unknown* ever counts as clean.
 */
export type ScanResult =
  | { readonly answer: 'clean' }
  | {
      readonly answer: 'infected'
      /** The signature's name, or for `isBanned` what was banned ("attachment invoice.exe"). */
      readonly name: string
      /** Set if a ban of this host applies, and not a signature: the reply is another one. */
      readonly isBanned?: boolean
      /** The scanner with the finding, set by a scan. */
      readonly scanner?: string
      /**
       * Set if the file that the scanner opened has changed, because scanners may remove a file with a
       * finding. The result does not apply to copies.
       */
      readonly isUnconfirmed?: true
    }
  | {
      readonly answer: 'unknown'
      /** The reason in one line, for the log. */
      readonly reason: string
      /** The reason as it is counted. */
      readonly cause: Cause
      /** Set if the scanner died while it had the message. */
      readonly hasScannerDied?: true
      /** Set if no client waited for the answer any longer. The result does not apply to copies. */
      readonly isUnfinished?: true
      /** The name under which the scanner reports a limit as if it were a virus. */
      readonly alert?: string
    }
  | {
      readonly answer: 'unread'
      readonly kind: Unread
      /** The reason in one line, for the log. */
      readonly reason: string
      /** The limit as text for the sender, without text that the sender chose. Set by a scan. */
      readonly limit?: string
      /** As in the unknown result. */
      readonly alert?: string
    }

export type Infected = Extract<ScanResult, { answer: 'infected' }>
export type UnreadResult = Extract<ScanResult, { answer: 'unread' }>
export type UnknownResult = Extract<ScanResult, { answer: 'unknown' }>

export const clean: ScanResult = { answer: 'clean' }
export const infected = (name: string): Infected => ({ answer: 'infected', name })
/** Returns the result for a ban. `name` follows the word `banned`. */
export const banned = (name: string): Infected => ({ ...infected(name), isBanned: true })
export const unread = (kind: Unread, reason: string): UnreadResult => ({
  answer: 'unread',
  kind,
  reason,
})
export const unknown = (reason: string, cause: Cause = 'scanner-error'): UnknownResult => ({
  answer: 'unknown',
  reason,
  cause,
})
export const scannerDied = (reason: string, cause: Cause): ScanResult => ({
  answer: 'unknown',
  reason,
  cause,
  hasScannerDied: true,
})

/** The results in their order: what was found counts most, and *clean* only if there is nothing else. */
const RANKS = { infected: 3, unknown: 2, unread: 1, clean: 0 } as const

/** Returns the result that applies of two about the same message; of equal ones the first. */
export function worse(result: ScanResult, other: ScanResult): ScanResult {
  return RANKS[other.answer] > RANKS[result.answer] ? other : result
}

/** Why an answer of scanners is unknown: the closed list that the log, metrics and alerts count by. */
export const causesInWords = {
  timeout: "SCANTIMEOUT or the scanner's own deadline expired",
  busy: 'the scan could not start before SCANTIMEOUT, or the message could not be scanned alone',
  unreachable: 'the scanner cannot be reached or started',
  'broken-off': 'the scanner ended, or its connection did, during the scan',
  limit: 'the content is larger than the scanner accepts',
  memory: 'no memory, disk space or descriptors',
  'scanner-error': 'the scanner reported an error, or gave an invalid answer',
  plugin: 'the plugin returned unknown',
  poison:
    'scanned alone, the message crashed the scanner three times; it is not scanned for an hour',
} as const
export type Cause = keyof typeof causesInWords

const BY_CODE: Readonly<Record<string, Cause>> = {
  ETIMEDOUT: 'timeout',
  ECONNREFUSED: 'unreachable',
  ENOENT: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EACCES: 'unreachable',
  ECONNRESET: 'broken-off',
  EPIPE: 'broken-off',
  ENOMEM: 'memory',
  ENOSPC: 'memory',
  EDQUOT: 'memory',
  EMFILE: 'memory',
  ENFILE: 'memory',
}

/**
 * Returns the cause of an error that a scanner, or the connection to it, has thrown; errno(3) lists the
 * codes.
 */
export function causeOf(error: unknown): Cause {
  return BY_CODE[errorCode(error)] ?? 'scanner-error'
}

/**
 * Which results do not end a scan, because worse content may follow, and which of these results applies in the
 * end. A result that ends the scan always applies.
 */
export interface Tolerance {
  /** Returns whether a finding is tolerated. If absent, no finding is. */
  readonly isTolerated?: ((found: Pick<Infected, 'name' | 'isBanned'>) => boolean) | undefined
  /** The unread parts that end the scan. Others are tolerated. */
  readonly keepsOut: ReadonlySet<Unread>
  /** Whether limits are tolerated, and noted, because the bytes may not be a message. */
  readonly toleratesLimits?: boolean
  /**
   * Returns how strictly a message is treated for a result that does not end the scan, and for an unknown
   * answer; of several results the strictest applies. Without it, all are equal.
   */
  readonly strictness?: (result: ScanResult) => number
}

/** Returns whether this is a finding that ends the scan. */
export function isUntolerated(
  result: ScanResult,
  { isTolerated }: Pick<Tolerance, 'isTolerated'>,
): result is Infected {
  return result.answer === 'infected' && !isTolerated?.(result)
}
