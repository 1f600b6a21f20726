import { dayOf, exceptionId, openExceptionUseFile } from '../../../observe/live/exception-uses.ts'
import type { Rules } from '../../../rules/match.ts'
import type { Rule } from '../../../rules/rule.ts'

/** What a worker sends to the first process when an exception has let a message in. */
interface ExceptionNotice {
  readonly excepted: string
}

/**
 * Returns a function that takes each use of an exception, and sends one notice a day for each
 * exception.
 */
export function reportOncePerDay(
  send: (notice: ExceptionNotice) => void,
  now: () => number,
): (exception: Rule) => void {
  const reported = new Map<string, number>()
  return (exception) => {
    const name = exceptionId(exception)
    const today = dayOf(now())
    if (name === undefined || reported.get(name) === today) return
    reported.set(name, today)
    send({ excepted: name })
  }
}

/** The first process's memory of when exceptions were used. */
export interface ExceptionMemory {
  /** Takes the lines of onescan.policy that count from now on. */
  configure(rules: Rules | undefined): void
  /** Takes a message of a worker. Returns false if it is not about exceptions. */
  take(message: unknown): boolean
  close(): void
}

/** Keeps the memory in the directory of --state; without one it keeps nothing. */
export function rememberExceptions(
  directory: string | undefined,
  log: (line: string) => void,
): ExceptionMemory {
  const uses =
    directory === undefined ? undefined : openExceptionUseFile(directory, { now: Date.now, log })
  return {
    configure: (rules) => uses?.replaceAll(rules?.all ?? []),
    take(message) {
      const name = (message as Partial<ExceptionNotice> | null)?.excepted
      if (typeof name !== 'string') return false
      uses?.noteUse(name)
      return true
    },
    close: () => uses?.close(),
  }
}
