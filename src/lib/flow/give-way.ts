/** Bytes that are read in a millisecond or two, however many pieces they are in. */
const LARGE = 64 * 1024

/** Lets others have their turn, if a step has read more bytes than others should wait for. */
export async function giveWay(bytes: number): Promise<void> {
  if (bytes > LARGE) await new Promise(setImmediate)
}
