import { createHash } from 'node:crypto'
import { readForeignFile } from '../../ground/path/read.ts'
import type { Rule } from '../../rules/rule.ts'
import { openStateFile, type StateFile } from './state-file.ts'

/** The most exceptions that are remembered; onescan.policy, at most 4 MiB, hardly has more. */
const EXCEPTIONS_MAX = 10_000
/** The most bytes of the file; an exception takes some 50. */
export const FILE_MAX = 1024 * 1024
const NAME = 'exceptions'
const VERSION = 1
const DAY = 86_400_000

/** When an exception was first seen and last used, in days since 1970. */
export interface ExceptionUse {
  readonly known: number
  readonly used: number | undefined
}

export type ExceptionUses = ReadonlyMap<string, ExceptionUse>

export interface ExceptionUseFile extends StateFile {
  /** Takes the rules of a new onescan.policy, and forgets exceptions that are not among them. */
  replaceAll(rules: readonly Rule[]): void
  /** Notes that the exception of this id has let a message in. */
  noteUse(name: string): void
}

/**
 * Returns the id of an exception, a hash of its words: it stays the same if the line is moved in
 * its file. Undefined for other rules.
 */
export function exceptionId({ words }: Rule): string | undefined {
  return words && createHash('sha256').update(words, 'utf8').digest('hex').slice(0, 32)
}

/** Returns the day of a time in milliseconds since 1970. */
export const dayOf = (time: number): number => Math.floor(time / DAY)

/**
 * Reads the file that openExceptionUseFile() wrote in a directory. Throws if there is none, or
 * another.
 */
export function readExceptionUses(directory: string): ExceptionUses {
  return usesIn(readForeignFile(`${directory}/${NAME}`, FILE_MAX).toString('latin1'))
}

/**
 * Remembers, in a file in a directory, on which day each exception of onescan.policy was last used.
 * The file says nothing of any message. An error is logged once, and costs nothing but these days.
 */
export function openExceptionUseFile(
  directory: string,
  { now, log }: { readonly now: () => number; readonly log: (line: string) => void },
): ExceptionUseFile {
  const file = `${directory}/${NAME}`
  const uses = new Map<string, ExceptionUse>()
  const kept = openStateFile({
    file,
    max: FILE_MAX,
    restore(text) {
      for (const [name, use] of usesIn(text)) uses.set(name, use)
    },
    text: () => {
      const exceptions = [...uses].map(([name, { known, used }]) => [name, known, used ?? null])
      return `${JSON.stringify({ version: VERSION, exceptions })}\n`
    },
    complain: (why) => log(`${file}: ${why}; when exceptions were used is forgotten at a restart`),
  })
  return {
    ...kept,
    replaceAll(rules) {
      const today = dayOf(now())
      const before = new Map(uses)
      uses.clear()
      for (const rule of rules) {
        const name = exceptionId(rule)
        if (name === undefined || uses.size === EXCEPTIONS_MAX) continue
        const { known, used } = before.get(name) ?? { known: today, used: undefined }
        // A day in the future comes from a clock that was ahead.
        uses.set(name, { known: Math.min(known, today), used: used && Math.min(used, today) })
      }
    },
    noteUse(name) {
      const use = uses.get(name)
      if (use !== undefined) uses.set(name, { ...use, used: dayOf(now()) })
    },
  }
}

function usesIn(text: string): ExceptionUses {
  const { version, exceptions } = parse(text)
  if (version !== VERSION || !Array.isArray(exceptions) || !exceptions.every(isEntry)) {
    throw new Error('is damaged, or of another version')
  }
  return new Map(
    exceptions.map(([name, known, used]) => [name, { known, used: used ?? undefined }]),
  )
}

function parse(text: string): { readonly version?: unknown; readonly exceptions?: unknown } {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

function isEntry(value: unknown): value is [string, number, number | null] {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [name, known, used] = value
  return /^[0-9a-f]{32}$/.test(name) && isDay(known) && (used === null || isDay(used))
}

const isDay = (value: unknown) => Number.isInteger(value) && (value as number) >= 0
