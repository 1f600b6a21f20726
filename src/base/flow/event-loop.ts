import { setTimeout as pause } from 'node:timers/promises'

/** Bytes that are read in a millisecond or two, however many pieces they are in. */
const BYTES_PER_TURN = 64 * 1024

/** Resolves once the event loop has read all arrived data, and has run the timers that are due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lets other work run, if a step has read more bytes than it should wait for. */
export async function yieldAfter(bytes: number): Promise<void> {
  if (bytes > BYTES_PER_TURN) await nextTurn()
}

/** Bytes that are hashed in a millisecond or two. */
const HASHED_PER_TURN = 1024 * 1024

/** Adds the chunks to a hash. Other mail has its turn meanwhile. */
export async function hashInTurns(
  hash: { update(chunk: Buffer): unknown },
  chunks: Iterable<Buffer>,
): Promise<void> {
  let sinceTurn = 0
  for (const chunk of chunks) {
    hash.update(chunk)
    sinceTurn += chunk.length
    if (sinceTurn < HASHED_PER_TURN) continue
    sinceTurn = 0
    await nextTurn()
  }
}

/** Items that are taken before other work gets a turn. */
export const ITEMS_PER_TURN = 256

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
    if (++count % ITEMS_PER_TURN === 0) {
      await pause(milliseconds, undefined, { ref: false, ...(signal && { signal }) })
    }
    yield item
  }
}
