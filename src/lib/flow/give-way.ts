import { setTimeout as pause } from 'node:timers/promises'

/** Bytes that are read in a millisecond or two, however many pieces they are in. */
const LARGE = 64 * 1024

/** Resolves once the event loop has read all arrived data, and has run the timers that are due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lets others have their turn, if a step has read more bytes than others should wait for. */
export async function giveWay(bytes: number): Promise<void> {
  if (bytes > LARGE) await nextTurn()
}

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
