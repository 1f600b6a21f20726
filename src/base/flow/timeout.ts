import { formatDuration } from '../text/units.ts'

/** The result of work that did not end in time. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/** The result of work whose caller no longer waits for it. */
export const ABORTED: unique symbol = Symbol('aborted')

/**
 * Resolves to the result of the work, or to TIMED_OUT if the work takes longer than the given milliseconds. A
 * later result is dropped, even an error. Rejects if the work rejects in time. Data that arrives while this
 * process is busy counts as in time: afterInput().
 */
export async function withTimeout<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => afterInput(() => resolve(TIMED_OUT)), milliseconds)
  })
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Calls `work`, such as the decision whether a client has timed out, after all input that has arrived is read.
 * A process that was busy or stopped has not yet read what arrived meanwhile. Two calls of setImmediate() are
 * needed: Bun runs the first one before it looks for input, Node after that.
 */
export function afterInput(work: () => void): void {
  setImmediate(() => setImmediate(work))
}

/**
 * Resolves to the result of the work, or to ABORTED if the signal is aborted first. A later result is
 * dropped, even an error. Rejects if the work rejects first.
 */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | typeof ABORTED> {
  let giveUp = () => {}
  const aborted = new Promise<typeof ABORTED>((resolve) => {
    giveUp = () => resolve(ABORTED)
  })
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  work.catch(() => {})
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Returns the result like withTimeout(), but rejects if the time limit is reached. */
export async function answerInTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value> {
  const answer = await withTimeout(work, milliseconds)
  if (answer === TIMED_OUT) throw new Error(`no answer in ${formatDuration(milliseconds)}`)
  return answer
}

/**
 * Runs work that a signal can end. The work receives its own signal, which is aborted with the given one, or
 * after the given milliseconds.
 */
export async function withDeadline<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (sooner: AbortSignal) => Promise<Value>,
): Promise<Value> {
  // AbortSignal.timeout() has a timer that cannot be cleared, and AbortSignal.any() takes 10 µs.
  const sooner = new AbortController()
  const timer = setTimeout(() => sooner.abort(), milliseconds)
  const leave = () => sooner.abort(signal.reason)
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  try {
    return await work(sooner.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', leave)
  }
}
