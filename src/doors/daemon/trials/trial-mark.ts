import { randomBytes } from 'node:crypto'

/**
 * Tells onescand's own trials from mail: mail is counted and logged, trials are not. The sender of
 * a trial has a secret in it that no client can guess.
 */
export interface TrialMark {
  readonly sender: string
  /** Whether a log line or a sender belongs to a trial. */
  has(text: Buffer | string): boolean
}

/**
 * Makes the mark of this onescand; the first process calls it, and sends the mark to its workers.
 */
export function makeTrialMark(): TrialMark {
  return markOf(randomBytes(16).toString('hex'))
}

/** The message by which the first process sends the mark. */
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

/** The mark of a worker that has not got that message yet. */
export const noMark: TrialMark = { sender: '', has: () => false }
