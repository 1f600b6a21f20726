import { type Finding, findingMarks } from './shared/finding.ts'
import type { Host } from './shared/host.ts'

/**
 * The conversation of `onescan check` with the process that makes its trials. The trials print a line
 * of JSON with their user, and get the host on standard input. Then they print a line of JSON for each
 * finding.
 */

/** The hidden command that makes the trials. */
export const TRIALS = 'check-trials'

/** The host as the trials get it. They read all else by themselves. */
export type TrialHost = Pick<Host, 'env' | 'account' | 'limits' | 'program' | 'now' | 'daemon'> & {
  /** Whether mail can be scanned, as far as is known before the trials. */
  readonly scans: boolean
}

export function trialHost(
  { env, account, limits, program, now, daemon }: Host,
  scans: boolean,
): TrialHost {
  return { env, account, limits, program, now, daemon, scans }
}

/** The first line of the trials. */
export interface Introduction {
  readonly uid: number
}

/** Reads the user in the first line; undefined if the line has none. */
export function readUid(line: string): number | undefined {
  return (readJson(line) as Partial<Introduction> | null | undefined)?.uid
}

/**
 * Reads a finding that the trials wrote. Their account may have been taken over, so they may write any text.
 * Undefined if the line is no finding.
 */
export function readFinding(line: string): Finding | undefined {
  const finding = readJson(line) as Partial<Finding> | undefined
  if (finding === undefined || finding === null) return undefined
  const { level, what, value, remedy, mark } = finding
  if (level !== 'ok' && level !== 'warning' && level !== 'error') return undefined
  if (typeof what !== 'string' || typeof value !== 'string') return undefined
  return {
    level,
    what,
    value,
    ...(typeof remedy === 'string' && { remedy }),
    ...(findingMarks.includes(mark!) && { mark: mark! }),
  }
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
