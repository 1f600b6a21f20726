import { inspect } from 'node:util'

/** Milliseconds after which something hangs, on however busy a machine. */
export const HANGS_AFTER = 120_000

/**
 * Looks again and again until what is seen is as wanted, and resolves to it; by default it is wanted
 * to be true. Rejects if that never happens: `what` says what was waited for.
 */
export async function until<Value>(
  look: () => Value | Promise<Value>,
  what: string,
  isWanted: (value: Value) => boolean = Boolean,
): Promise<Value> {
  const end = performance.now() + HANGS_AFTER
  for (;;) {
    const seen = await look()
    if (isWanted(seen)) return seen
    if (performance.now() > end) throw new Error(`in vain: ${what}; last seen: ${inspect(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
