import { LF, NUL } from '../../base/bytes/ascii.ts'
import { parseMaildirLimits, type QuotaLimits } from './mailbox-result.ts'
import type { MaildirSum } from './sum-directory.ts'

/** Bytes. A file that is as long as this is not summed up but made again (maildirquota(7)). */
export const MAILDIRSIZE_MAX = 5120

/** The content of the file `maildirsize` of a Maildir++. */
export interface Maildirsize {
  /** Undefined if they are not legible. */
  readonly limits: QuotaLimits | undefined
  /**
   * The sum, and the number of its lines. Undefined if no sum can be used: the mailbox must be
   * counted.
   */
  readonly usage: (MaildirSum & { readonly lines: number }) | undefined
}

/**
 * Parses the file. The first line contains the limits. Each further line has a number of bytes and a number of
 * messages, and the sum of these lines is the usage of the mailbox. A last line without a line end is still
 * being written, and is ignored. Source: Courier's README.maildirquota. Dovecot reads it in the same way, but
 * treats illegible limits as none.
 */
export function parseMaildirsize(file: Buffer): Maildirsize {
  const complete = file.subarray(0, file.lastIndexOf(LF) + 1)
  if (file.includes(NUL) || complete.length === 0) return { limits: undefined, usage: undefined }
  const [first = '', ...lines] = complete.toString('latin1').slice(0, -1).split('\n')
  const limits = first.trim() === '' ? {} : parseMaildirLimits(first)
  const isUsable = limits !== undefined && file.length < MAILDIRSIZE_MAX
  return { limits, usage: isUsable ? sumOf(lines) : undefined }
}

function sumOf(lines: readonly string[]): Maildirsize['usage'] {
  let bytes = 0
  let messages = 0
  for (const line of lines) {
    const numbers = /^\s*([+-]?\d{1,15})\s+([+-]?\d{1,15})\s*$/.exec(line)
    if (!numbers) return undefined
    bytes += Number(numbers[1])
    messages += Number(numbers[2])
  }
  const isSum = lines.length > 0 && bytes >= 0 && messages >= 0
  return isSum ? { bytes, messages, lines: lines.length } : undefined
}

/** Milliseconds for which an "over quota" in a file is valid. Then the mailbox must be counted. */
const OVER_QUOTA_FOR = 15 * 60 * 1000

/**
 * Returns whether an "over quota" in a file is trusted: only if the file contains a single sum that was made
 * less than 15 minutes ago. Times are milliseconds since 1970.
 */
export function mayReportFull(file: { lines: number }, written: number, now: number): boolean {
  return file.lines <= 1 && now - written < OVER_QUOTA_FOR
}
