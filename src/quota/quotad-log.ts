import { type LogField, logLine } from '../base/log/line-format.ts'
import { standardError } from '../base/log/log-queue.ts'

/** Writes one event to standard error. */
export function log(...fields: readonly LogField[]): void {
  standardError.write(logLine([['program', 'onescan-quotad'], ...fields]))
}

export type LogTrouble = (trouble: { readonly place: string; readonly reason: string }) => void

/** Milliseconds in which the same trouble with the same mailbox is logged once. */
const LOG_AGAIN_AFTER = 10 * 60 * 1000
/** Upper limit for the mailboxes logged in that time. A last line reports that there are more. */
const MAILBOXES_MAX = 1000

/**
 * Returns a log of mailboxes that could not be read, with the reason: each once in ten minutes, and at most a
 * thousand in that time. `uptime` is milliseconds on a monotonic clock.
 */
export function troubleLog(write: typeof log, uptime: () => number): LogTrouble {
  let logged = new Set<string>()
  let since = uptime()
  return ({ place, reason }) => {
    if (uptime() - since > LOG_AGAIN_AFTER) {
      logged = new Set()
      since = uptime()
    }
    const key = `${place}\0${reason}`
    if (logged.has(key) || logged.size > MAILBOXES_MAX) return
    logged.add(key)
    if (logged.size <= MAILBOXES_MAX) {
      write(['event', 'unreadable'], ['what', place], ['reason', reason])
      return
    }
    const full = `more than ${MAILBOXES_MAX} mailboxes; no more are logged`
    write(['event', 'unreadable'], ['reason', full])
  }
}

/** The numbers of queries and answers since the start. */
export class ServiceCounters {
  /** Well-formed queries by each protocol. */
  udp = 0
  http = 0
  room = 0
  full = 0
  noSuchUser = 0
  /** Answers that are *unknown*. */
  unknown = 0
  /** Invalid datagrams and requests. */
  malformed = 0
  /** Datagrams and connections of clients without permission. */
  refused = 0
  /** Connections that were closed because they took too long, or were too many. */
  dropped = 0
}
