/** What is told instead of a value that did not come in time. */
export const LATE: unique symbol = Symbol('late')

/**
 * What the work comes to, or LATE after so many milliseconds; what comes later is nobody's
 * business any more, be it an error. Rejects if the work does in time.
 *
 * A process that was busy for all that time has not looked yet for what came: late is what is
 * not there after one more turn of the event loop. (Two calls of setImmediate: Bun has the first
 * one before it looks, Node behind that.)
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

/** The same, but what is late is an Error. */
export async function answerInTime<Value>(
  work: Promise<Value>,
  milliseconds: number,
): Promise<Value> {
  const answer = await inTime(work, milliseconds)
  if (answer === LATE) throw new Error(`no answer in ${milliseconds} ms`)
  return answer
}

/** Does what ends by a signal: by the one that is given, or by one after so many milliseconds. */
export async function withDeadline<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (sooner: AbortSignal) => Promise<Value>,
): Promise<Value> {
  // Not AbortSignal.timeout(): its timer could not be cleared, and would be kept for each message.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), milliseconds)
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
