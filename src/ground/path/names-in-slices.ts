import { opendir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** Names that are listed before other work gets a turn. */
export const SLICE = 256

/**
 * Lists the names in a directory, in no order. Other work has `milliseconds` after each slice of them, and
 * no more than a slice is held: a directory may have a million. Rejects at the signal.
 */
export async function* namesInSlices(
  directory: string,
  milliseconds: number,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  let count = 0
  for await (const { name } of await opendir(directory, { bufferSize: SLICE })) {
    if (++count % SLICE === 0) await giveWay(milliseconds, signal)
    yield name
  }
}

/** Gives all other work a turn. Rejects at the signal. */
export async function giveWay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { ref: false, ...(signal && { signal }) })
}
