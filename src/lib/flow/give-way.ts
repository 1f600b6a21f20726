/** Bytes that are read in a millisecond or two, however many pieces they are in. */
const LARGE = 64 * 1024

/** Lets others have their turn, if a step has read so many bytes that they would wait for the next one. */
export async function giveWay(bytes: number): Promise<void> {
  if (bytes > LARGE) await new Promise(setImmediate)
}
