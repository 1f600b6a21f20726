import { dayOf, exceptionId, openExceptionUseFile } from '../../../observe/live/exception-uses.ts'
import type { Rules } from '../../../rules/match.ts'
import type { Rule } from '../../../rules/rule.ts'

/** What a worker says to the first process when an exception has let a message in. */
interface ExceptionNotice {
  readonly excepted: string
}

/** Tells of each exception once a day, by `say`. */
export function reportOncePerDay(
  say: (words: ExceptionNotice) => void,
  now: () => number,
): (exception: Rule) => void {
  const told = new Map<string, number>()
  return (exception) => {
    const name = exceptionId(exception)
    const today = dayOf(now())
    if (name === undefined || told.get(name) === today) return
    told.set(name, today)
    say({ excepted: name })
  }
}

/** The first process's memory of when exceptions were used. */
export interface ExceptionMemory {
  /** Takes the lines that count from now on. */
  configure(rules: Rules | undefined): void
  /** Takes what a worker says, if it is about exceptions; else answers false. */
  heard(words: unknown): boolean
  close(): void
}

/** Keeps it in the directory that --state names; undefined: nowhere. */
export function rememberExceptions(
  directory: string | undefined,
  log: (line: string) => void,
): ExceptionMemory {
  const kept =
    directory === undefined ? undefined : openExceptionUseFile(directory, { now: Date.now, log })
  return {
    configure: (rules) => kept?.replaceAll(rules?.all ?? []),
    heard(words) {
      const name = (words as Partial<ExceptionNotice> | null)?.excepted
      if (typeof name !== 'string') return false
      kept?.noteUse(name)
      return true
    },
    close: () => kept?.close(),
  }
}
