import { randomBytes } from 'node:crypto'

/**
 * How the processes of onescand know their own trials from mail, which counts and is logged: by a
 * part of the sender that no client can guess.
 */
export interface TrialMark {
  readonly sender: string
  /** Whether a line of the log, or a sender, is a trial's. */
  has(text: Buffer | string): boolean
}

/** Made in the first process, which tells its workers. */
export function makeTrialMark(): TrialMark {
  return markOf(randomBytes(16).toString('hex'))
}

/** What the first process says of it. */
export interface TrialWords {
  readonly trials: string
}

export function isTrialWords(words: unknown): words is TrialWords {
  return typeof (words as TrialWords | null)?.trials === 'string'
}

export function trialWords({ sender }: TrialMark): TrialWords {
  return { trials: sender.slice(PREFIX.length, sender.indexOf('@')) }
}

const PREFIX = 'onescan-health-'

export function markOf(secret: string): TrialMark {
  return {
    sender: `${PREFIX}${secret}@localhost`,
    has: (text) => text.includes(secret),
  }
}

/** For a worker that has not been told yet. */
export const noMark: TrialMark = { sender: '', has: () => false }
