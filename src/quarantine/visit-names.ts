import { opendir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { procPathOf } from '../ground/path/walk.ts'
import type { Folder, MaildirPart } from './folders.ts'
import { type EntryName, readEntryName } from './names.ts'

/** Names that are visited before other work gets a turn. */
export const SLICE = 256
/** Milliseconds that other work has then. */
const PAUSE = 5

/**
 * Calls `visit` with each name in a part of a folder, and its path, in no order. Works in slices, so
 * that it may run beside mail, and holds no more than a slice of names: a folder may have a million.
 * Rejects at the signal.
 */
export async function visitNames(
  { parts }: Folder,
  part: MaildirPart,
  visit: (name: string, path: string) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const directory = procPathOf(parts[part])
  let count = 0
  for await (const { name } of await opendir(`${directory}/.`, { bufferSize: SLICE })) {
    if (++count % SLICE === 0) await giveWay(signal)
    await visit(name, `${directory}/${name}`)
  }
}

/** Calls `visit` for each message in new/ and cur/ of a folder, as visitNames() does for names. */
export async function visitMessages(
  folder: Folder,
  visit: (name: EntryName, path: string) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const visitMessage = async (file: string, path: string) => {
    const name = readEntryName(file)
    if (name !== undefined) await visit(name, path)
  }
  for (const part of ['new', 'cur'] as const) await visitNames(folder, part, visitMessage, signal)
}

/** Gives all other work a turn. Rejects at the signal. */
export async function giveWay(signal?: AbortSignal): Promise<void> {
  await pause(PAUSE, undefined, { ref: false, ...(signal && { signal }) })
}
