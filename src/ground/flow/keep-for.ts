/**
 * Returns a function that makes a value, and returns the same value for `time` milliseconds. If
 * `make` throws, nothing is kept, and the next call makes it again.
 */
export function keepFor<Value>(time: number, uptime: () => number, make: () => Value): () => Value {
  let kept: { readonly value: Value; readonly at: number } | undefined
  return () => {
    const at = uptime()
    if (kept === undefined || at - kept.at >= time) kept = { value: make(), at }
    return kept.value
  }
}
