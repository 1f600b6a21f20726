/** Stands for a value that did not come in time. */
export const LATE: unique symbol = Symbol('late')

/**
 * The result of the work, or LATE if it takes longer than so many milliseconds. What comes later is
 * dropped, even an error. Rejects if the work rejects in time.
 *
 * A process that was busy all that time has not yet looked at what arrived. So the loop gets one
 * more turn before a result counts as late. (Two calls of setImmediate: Bun runs the first one
 * before it looks for input, Node runs it after that.)
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

/** The same, but rejects if the result is late. */
export async function answerInTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value> {
  const answer = await inTime(work, milliseconds)
  if (answer === LATE) throw new Error(`no answer in ${milliseconds} ms`)
  return answer
}

/**
 * Does work that a signal can end. Its signal comes when the given one does, or after so many
 * milliseconds.
 */
export async function withDeadline<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (sooner: AbortSignal) => Promise<Value>,
): Promise<Value> {
  // Not AbortSignal.timeout(): its timer cannot be cleared, so each message would keep one.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), milliseconds)
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
