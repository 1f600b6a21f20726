import { parseMaildirLimits, type QuotaLimits } from './limits.ts'

/** Bytes from which on the file is not summed up any more but made anew (maildirquota(7)). */
export const MAILDIRSIZE_MAX = 5120

/** What the file `maildirsize` of a Maildir++ says. */
export type Maildirsize =
  | {
      readonly says: 'use'
      readonly limits: QuotaLimits | undefined
      readonly bytes: number
      readonly messages: number
      /** Lines behind the first one. */
      readonly lines: number
    }
  /** The mailbox must be counted; the limits may be legible all the same. */
  | { readonly says: 'nothing'; readonly why: string; readonly limits: QuotaLimits | undefined }

const NUL = 0
const LF = 10

/**
 * Reads the file's bytes: limits in the first line, then lines of bytes and messages whose
 * sum is the use. A last line without its end is being written, and is left out.
 * Source: Courier's README.maildirquota; Dovecot agrees, but for limits that are illegible,
 * which count as none there.
 */
export function parseMaildirsize(file: Buffer): Maildirsize {
  if (file.includes(NUL)) return nothing('holds a NUL')
  const complete = file.subarray(0, file.lastIndexOf(LF) + 1)
  if (complete.length === 0) return nothing('has no complete line')
  const [first = '', ...lines] = complete.toString('latin1').slice(0, -1).split('\n')
  const limits = first.trim() === '' ? {} : parseMaildirLimits(first)
  if (!limits) return nothing('has illegible limits')
  if (file.length >= MAILDIRSIZE_MAX) return nothing(`is ${file.length} bytes long`, limits)
  let bytes = 0
  let messages = 0
  for (const line of lines) {
    const numbers = /^\s*([+-]?\d{1,15})\s+([+-]?\d{1,15})\s*$/.exec(line)
    if (!numbers) return nothing('has a broken line', limits)
    bytes += Number(numbers[1])
    messages += Number(numbers[2])
  }
  if (lines.length === 0) return nothing('has no sum yet', limits)
  if (bytes < 0 || messages < 0) return nothing('has a negative sum', limits)
  return { says: 'use', limits, bytes, messages, lines: lines.length }
}

function nothing(why: string, limits?: QuotaLimits): Maildirsize {
  return { says: 'nothing', why, limits }
}

/** Milliseconds after which a file that says "over quota" must be confirmed by counting. */
export const OVER_QUOTA_FOR = 15 * 60 * 1000

/**
 * Whether the file's word that a mailbox is over quota may be passed on: only while it
 * holds one sum, made less than 15 minutes ago. Times are milliseconds.
 */
export function maySayFull(file: { lines: number }, written: number, now: number): boolean {
  return file.lines <= 1 && now - written < OVER_QUOTA_FOR
}
