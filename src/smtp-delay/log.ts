import { writeSync } from 'node:fs'

/** rblsmtpd's own limit for what it repeats. */
const TEXT_MAX = 500

/**
 * One line on stderr in the manner of rblsmtpd, `smtp-delay: IP pid N: TEXT`; bytes
 * that are not printable ASCII become `?`. A log that cannot be written decides nothing.
 */
export function log(text: string, ip?: string): void {
  const who = ip === undefined ? '' : `${ip} pid ${process.pid}: `
  try {
    writeSync(2, `smtp-delay: ${printable(who + text).slice(0, TEXT_MAX)}\n`)
  } catch {
    // Full, closed, or nobody reads it.
  }
}

/** What a client can influence, safe for a log. */
export function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?')
}
