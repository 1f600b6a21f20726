import { opendir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { procPathOf } from '../ground/path/walk.ts'
import type { Folder, MaildirPart } from './folders.ts'

/** Names that are looked at in one turn, and the pause after it in milliseconds. */
export const SLICE = 256
const PAUSE = 5

/**
 * Calls `use` with each name in a part of a folder, and its path, in no order; in slices, so that it
 * may run beside mail, and without holding more than a slice: a folder may have a million.
 * Rejects at the signal.
 */
export async function visitNames(
  { parts }: Folder,
  part: MaildirPart,
  use: (name: string, path: string) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const directory = procPathOf(parts[part])
  let count = 0
  for await (const { name } of await opendir(`${directory}/.`, { bufferSize: SLICE })) {
    if (++count % SLICE === 0) await giveWay(signal)
    await use(name, `${directory}/${name}`)
  }
}

/** Lets everything else have a turn. Rejects at the signal. */
export async function giveWay(signal?: AbortSignal): Promise<void> {
  await pause(PAUSE, undefined, { ref: false, ...(signal && { signal }) })
}
