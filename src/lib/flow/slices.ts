import { setTimeout as pause } from 'node:timers/promises'

/** Items that are taken before other work gets a turn. */
export const SLICE = 256

/**
 * Yields the items and pauses `milliseconds` after each slice, so that other work can run. Rejects when the
 * signal is aborted.
 */
export async function* inSlices<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  milliseconds: number,
  signal?: AbortSignal,
): AsyncGenerator<Item> {
  let count = 0
  for await (const item of items) {
    if (++count % SLICE === 0) {
      await pause(milliseconds, undefined, { ref: false, ...(signal && { signal }) })
    }
    yield item
  }
}
