import { existsSync, readFileSync, rmSync } from 'node:fs'

/** Milliseconds by the name of the stage. */
export type Stages = Readonly<Record<string, readonly number[]>>

/** Takes the times (`scan_ms=1.2`) of all lines out of a log of onescan, and removes the file. */
export function takeStages(log: string): Stages {
  if (!existsSync(log)) return {}
  const stages: Record<string, number[]> = {}
  for (const line of readFileSync(log, 'latin1').split('\n')) {
    if (!line.startsWith('onescan: ')) continue
    for (const [, name, ms] of line.matchAll(/ (\w+)_ms=(\d+\.\d+)(?= |$)/g)) {
      stages[name!] ??= []
      stages[name!]!.push(Number(ms))
    }
  }
  rmSync(log)
  return stages
}
