import { createNestingCounter } from './counter.ts'

/** Bytes that are looked at before anything else gets a turn. */
const TURN = 1024 * 1024

/**
 * Whether more than `limit` messages stand inside one another, or more than `limit`
 * multiparts in one message (counter.ts). A message that is no multipart costs no more
 * than its header; a large one is looked at in turns of the event loop.
 */
export async function isNestedDeeper(chunks: Iterable<Buffer>, limit: number): Promise<boolean> {
  const counter = createNestingCounter(limit)
  let turn = 0
  for (const chunk of chunks) {
    counter.push(chunk)
    if (counter.isSettled) break
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await new Promise(setImmediate)
  }
  return counter.isOver
}
