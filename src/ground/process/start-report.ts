import { writeSync } from 'node:fs'
import { replaceUnprintable } from '../errors/replace-unprintable.ts'

/** What a daemon prints with --check, in lines. */
export interface StartReport {
  /** Whether options are wrong, so that no later start can succeed. */
  readonly isUsage: boolean
  /** Why it would not start. */
  readonly errors: readonly string[]
  /** What it would start with, but was hardly meant so. */
  readonly warnings: readonly string[]
  /** What it would do. */
  readonly actions: readonly string[]
}

/**
 * Exit codes of a start: 111 is a temporary failure, as in all supervised programs; 100 is wrong
 * usage, which is permanent.
 */
const FAILED = 111
const USAGE = 100

/** Writes the report to descriptor 1. Returns the exit code that a start would end with, or 0. */
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
