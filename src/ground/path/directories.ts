import { closeSync, fsyncSync, lstatSync, openSync } from 'node:fs'
import { open, opendir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode } from '../errors/fault.ts'

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

/**
 * Makes sure that the names in a directory are on the disk as they are now, new ones and those that went.
 * Throws the error of the system.
 */
export function syncDirectory(directory: string): void {
  const fd = openSync(`${directory}/.`, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Does what syncDirectory() does while other work goes on. Rejects with the error of the system. */
export async function syncDirectoryAside(directory: string): Promise<void> {
  const handle = await open(`${directory}/.`, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Returns whether there is something at a path, even if it is a link to nothing. If this cannot be
 * found out, the answer is yes: opening it says why.
 */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}
