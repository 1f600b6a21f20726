import { writeSync } from 'node:fs'
import { replaceUnprintable } from '../errors/replace-unprintable.ts'

/** The report that a daemon prints with --check; each text is a line. */
export interface StartReport {
  /** Whether an option is wrong, so that no later start can succeed. */
  readonly isUsage: boolean
  /** The reasons why the daemon would not start. */
  readonly errors: readonly string[]
  /** Settings with which the daemon would start, but which are hardly meant that way. */
  readonly warnings: readonly string[]
  /** The things that the daemon would do. */
  readonly actions: readonly string[]
}

/**
 * Exit codes of a start: 111 is a temporary failure, as in all supervised programs; 100 is wrong
 * usage, which is permanent.
 */
const FAILED = 111
const USAGE = 100

/**
 * Writes the report to descriptor 1. Returns the exit code of such a start, or 0 if it would
 * succeed.
 */
export function printStartReport({
  isUsage,
  errors,
  warnings,
  actions: does,
}: StartReport): number {
  const lines = [
    ...does.map((line) => `ok: ${line}`),
    ...warnings.map((line) => `warning: ${line}`),
    ...errors.map((line) => `error: ${line}`),
  ]
  writeSync(1, lines.map((line) => `${replaceUnprintable(line)}\n`).join(''))
  if (isUsage) return USAGE
  return errors.length > 0 ? FAILED : 0
}
