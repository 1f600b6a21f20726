/** The result of work that did not end in time. */
export const LATE: unique symbol = Symbol('late')

/**
 * Resolves to the result of the work, or to LATE if the work takes longer than so many
 * milliseconds. A later result is dropped, even an error. Rejects if the work rejects in time.
 *
 * A process that was busy all that time has not yet read what arrived meanwhile. So the event loop
 * gets one more turn before a result counts as late. (That takes two calls of setImmediate(): Bun
 * runs the first one before it looks for input, Node after that.)
 */
export async function inTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => setImmediate(() => setImmediate(resolve, LATE)), milliseconds)
  })
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Resolves to the result of the work, or to LATE if the signal comes before. A later result is dropped,
 * even an error. Rejects if the work rejects before.
 */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | typeof LATE> {
  let giveUp = () => {}
  const aborted = new Promise<typeof LATE>((resolve) => {
    giveUp = () => resolve(LATE)
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

/** Does what inTime() does, but rejects if the result is late. */
export async function answerInTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value> {
  const answer = await inTime(work, milliseconds)
  if (answer === LATE) throw new Error(`no answer in ${milliseconds} ms`)
  return answer
}

/**
 * Does work that a signal can end. The work gets a signal of its own, which comes when the given
 * signal does, or after so many milliseconds.
 */
export async function withDeadline<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (sooner: AbortSignal) => Promise<Value>,
): Promise<Value> {
  // AbortSignal.timeout() has a timer that cannot be cleared: each message would keep one.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), milliseconds)
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
