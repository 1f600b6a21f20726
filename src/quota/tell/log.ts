import { writeSync } from 'node:fs'
import { type LogEntry, logLine } from '../../ground/errors/log.ts'

/** One event, on standard error. */
export function log(...entries: readonly LogEntry[]): void {
  try {
    writeSync(2, logLine([['program', 'onescan-quotad'], ...entries]))
  } catch {
    // Answers must not wait for a log that takes nothing.
  }
}

export type LogTrouble = (trouble: { readonly what: string; readonly why: string }) => void

/** Milliseconds in which the same trouble with the same mailbox is logged once. */
const SAID = 10 * 60 * 1000
/** Most things in trouble that are named; a last line says that there are more. */
const THINGS = 1000

/**
 * Says which mailbox could not be read, and why: each once in ten minutes, and in that time
 * of no more than a thousand. `now` is milliseconds on a
 * clock that nobody sets.
 */
export function troubleLog(say: typeof log, now: () => number): LogTrouble {
  let said = new Set<string>()
  let since = now()
  return ({ what, why }) => {
    if (now() - since > SAID) {
      said = new Set()
      since = now()
    }
    const key = `${what}\0${why}`
    if (said.has(key) || said.size > THINGS) return
    said.add(key)
    if (said.size <= THINGS) say(['event', 'unreadable'], ['what', what], ['reason', why])
    else
      say(['event', 'unreadable'], ['reason', `more than ${THINGS} mailboxes; no more are logged`])
  }
}
