/** Bytes that are read in a millisecond or two, however many pieces they are in. */
const LARGE = 64 * 1024

/** Resolves once the event loop has read what has come, and has run the timers that are due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lets others have their turn, if a step has read more bytes than others should wait for. */
export async function giveWay(bytes: number): Promise<void> {
  if (bytes > LARGE) await nextTurn()
}
