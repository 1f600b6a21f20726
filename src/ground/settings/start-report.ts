import { writeSync } from 'node:fs'
import { printable } from '../runtime/printable.ts'

/** What a daemon says with --check, a line each. */
export interface StartReport {
  /** Wrong are the options, which stay so. */
  readonly isUsage: boolean
  /** What it would not start with. */
  readonly errors: readonly string[]
  /** What it would start with, and is hardly meant so. */
  readonly warnings: readonly string[]
  /** What it would do, if it would start. */
  readonly does: readonly string[]
}

/** Exit codes of a start: temporary failure, as of all programs that are supervised; usage, for good. */
const FAILED = 111
const USAGE = 100

/** Writes it to descriptor 1. Returns the exit code that a start would end with, or 0. */
export function tellStart({ isUsage, errors, warnings, does }: StartReport): number {
  const lines = [
    ...does.map((line) => `ok: ${line}`),
    ...warnings.map((line) => `warning: ${line}`),
    ...errors.map((line) => `error: ${line}`),
  ]
  writeSync(1, lines.map((line) => `${printable(line)}\n`).join(''))
  if (isUsage) return USAGE
  return errors.length > 0 ? FAILED : 0
}
