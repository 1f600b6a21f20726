import { namesInSlices } from '../ground/path/names-in-slices.ts'
import { procPathOf } from '../ground/path/walk.ts'
import type { Folder, MaildirPart } from './folders.ts'
import { type EntryName, readEntryName } from './names.ts'

/** Milliseconds that other work has after a slice of names. */
export const PAUSE = 5

/**
 * Calls `visit` with each name in a part of a folder, and its path, in no order. Works in slices, so
 * that it may run beside mail. Rejects at the signal.
 */
export async function visitNames(
  { parts }: Folder,
  part: MaildirPart,
  visit: (name: string, path: string) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const directory = procPathOf(parts[part])
  for await (const name of namesInSlices(`${directory}/.`, PAUSE, signal)) {
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
