import { doubledPause } from '../../ground/flow/back-off.ts'
import type { Absence } from './session.ts'

/**
 * Milliseconds for which a server that cannot be reached is tried again, counted from the first
 * message that did not reach it; onescan-clamav(7) has these numbers. A server with a full queue is
 * tried until the message's own deadline.
 */
export const COMES_BACK_WITHIN: Readonly<Record<Exclude<Absence, 'full'>, number>> = {
  refused: 3_000, // a restart
  silent: 15_000, // three attempts over TCP
  gone: 0,
}

/**
 * The same for a server that died lately with messages that may have killed it: it will be started
 * again and then read its signatures. Other mail should not be deferred for that.
 */
export const COMES_BACK_AFTER_DEATH = 20_000

const PAUSES = { first: 5, longest: 250 }

/** Returns milliseconds until the next attempt: doubled each time, and random, so that messages do not return all at once. */
export function lengthOfPause(pauses: number, random: () => number = Math.random): number {
  return doubledPause(pauses, PAUSES) * (0.5 + random() / 2)
}

/** Waits for so many milliseconds, or until the signal. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}
