import { existsSync, readFileSync, rmSync } from 'node:fs'

/** What onescan wrote about the messages of a turn. */
export interface LogFile {
  /** How many the thin client handed to the cold program, and why the last. */
  readonly cold: number
  readonly whyCold: string
}

/** Reads a log, and removes it. Lines of others are skipped. */
export function takeLog(file: string): LogFile {
  const text = existsSync(file) ? readFileSync(file, 'latin1') : ''
  rmSync(file, { force: true })
  const cold = text.split('\n').filter((line) => line.startsWith('onescan: decision=cold '))
  const why = /reason=("(?:[^"\\]|\\.)*"|\S+)/.exec(cold.at(-1) ?? '')?.[1] ?? ''
  return { cold: cold.length, whyCold: why }
}
