/** Returns the result of a call, or undefined if it throws. */
export function attempt<Value>(call: () => Value): Value | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
