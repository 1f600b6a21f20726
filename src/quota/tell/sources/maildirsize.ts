import { parseMaildirLimits, type QuotaLimits } from './limits.ts'

/** Bytes. A file that is as long as this is not summed up but made anew (maildirquota(7)). */
export const MAILDIRSIZE_MAX = 5120

/** The content of the file `maildirsize` of a Maildir++. */
export type Maildirsize =
  | {
      readonly says: 'usage'
      readonly limits: QuotaLimits | undefined
      readonly bytes: number
      readonly messages: number
      /** The number of lines after the first one. */
      readonly lines: number
    }
  /** The sum cannot be used, so the mailbox must be counted. `limits` is set if they are legible. */
  | { readonly says: 'nothing'; readonly why: string; readonly limits: QuotaLimits | undefined }

const NUL = 0
const LF = 10

/**
 * Parses the file. The first line has the limits. Each further line has a number of bytes and a
 * number of messages, and the sum of these lines is what the mailbox holds. A last line without a
 * line end is still being written, and is left out. Source: Courier's README.maildirquota. Dovecot
 * reads it in the same way, but takes illegible limits for none.
 */
export function parseMaildirsize(file: Buffer): Maildirsize {
  if (file.includes(NUL)) return unusable('holds a NUL')
  const complete = file.subarray(0, file.lastIndexOf(LF) + 1)
  if (complete.length === 0) return unusable('has no complete line')
  const [first = '', ...lines] = complete.toString('latin1').slice(0, -1).split('\n')
  const limits = first.trim() === '' ? {} : parseMaildirLimits(first)
  if (!limits) return unusable('has illegible limits')
  if (file.length >= MAILDIRSIZE_MAX) return unusable(`is ${file.length} bytes long`, limits)
  let bytes = 0
  let messages = 0
  for (const line of lines) {
    const numbers = /^\s*([+-]?\d{1,15})\s+([+-]?\d{1,15})\s*$/.exec(line)
    if (!numbers) return unusable('has a broken line', limits)
    bytes += Number(numbers[1])
    messages += Number(numbers[2])
  }
  if (lines.length === 0) return unusable('has no sum yet', limits)
  if (bytes < 0 || messages < 0) return unusable('has a negative sum', limits)
  return { says: 'usage', limits, bytes, messages, lines: lines.length }
}

function unusable(why: string, limits?: QuotaLimits): Maildirsize {
  return { says: 'nothing', why, limits }
}

/** Milliseconds for which a file may say "over quota"; then the mailbox must be counted. */
export const OVER_QUOTA_FOR = 15 * 60 * 1000

/**
 * Whether a file that says "over quota" may be believed: only if it holds a single sum that was
 * made less than 15 minutes ago. Times are milliseconds since 1970.
 */
export function maySayFull(file: { lines: number }, written: number, now: number): boolean {
  return file.lines <= 1 && now - written < OVER_QUOTA_FOR
}
