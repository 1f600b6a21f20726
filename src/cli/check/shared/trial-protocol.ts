import type { Host } from './host.ts'

/** The hidden command that makes the trials of the slot. It gets the host on standard input. */
export const TRIALS = 'check-trials'

/** The host as the trials get it. They read all else by themselves. */
export type TrialHost = Omit<Host, 'directories' | 'accounts'>

export function trialHost({ directories: _, accounts: __, ...host }: Host): TrialHost {
  return host
}
