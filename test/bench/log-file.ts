import { existsSync, readFileSync, rmSync } from 'node:fs'

/** What onescan wrote about the messages of a cell. */
export interface LogFile {
  /** Milliseconds of each message, by the name of the stage. */
  readonly stages: Readonly<Record<string, readonly number[]>>
  /** How many the thin client handed to the cold program, and why the last. */
  readonly cold: number
  readonly whyCold: string
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g

/** Reads a log, and removes it. Lines of others are skipped. */
export function takeLog(file: string): LogFile {
  const text = existsSync(file) ? readFileSync(file, 'latin1') : ''
  rmSync(file, { force: true })
  const lines = text.split('\n').filter((line) => line.startsWith('onescan: '))
  const cold = lines.filter((line) => line.startsWith('onescan: decision=cold '))
  const stages: Record<string, number[]> = {}
  for (const line of lines) {
    if (cold.includes(line)) continue
    const plain = line.replace(QUOTED, '""') // what a client sent looks like anything
    for (const [, name, ms] of plain.matchAll(/ (\w+)_ms=(\d+\.\d+)(?= |$)/g)) {
      stages[name!] = [...(stages[name!] ?? []), Number(ms)]
    }
  }
  const why = /reason=("(?:[^"\\]|\\.)*"|\S+)/.exec(cold.at(-1) ?? '')?.[1] ?? ''
  return { stages, cold: cold.length, whyCold: why }
}
