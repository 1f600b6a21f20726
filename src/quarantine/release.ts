import { rename, stat, unlink } from 'node:fs/promises'
import { errorCode, Fault } from '../ground/errors/fault.ts'
import { type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { findEntry, type OpenEntry, openEntry, type QuarantineEntry } from './entries.ts'
import { type Folder, findFolder, type MaildirPart } from './folders.ts'
import { nameOfEntry } from './names.ts'

/** A message that nobody else can take at the same time. */
export interface Release {
  readonly entry: QuarantineEntry
  readonly opened: OpenEntry
  /**
   * Whether a process was killed while it released this message, so that it may have been
   * delivered.
   */
  readonly wasInterrupted: boolean
  /**
   * To be called when it was handed on: it stays, in cur/ with the flag P ("passed", maildir(5)).
   */
  finish(): Promise<void>
  /** To be called if it was not: it stays as it was. */
  cancel(): Promise<void>
}

/** Whether the process that has a message since then, unix milliseconds, still runs. */
export type IsAlive = (pid: number, since: number) => boolean

/**
 * Takes a message to hand it on: if several try, one gets it, by rename(2). Rejects with a Fault if
 * there is none of that id, if it has been released already and `again` is not set, or while
 * another process has it; what a dead process had goes to the next one.
 */
export async function beginRelease(
  root: PathHandle,
  id: string,
  { again, isAlive }: { readonly again: boolean; readonly isAlive: IsAlive },
): Promise<Release> {
  const entry = findEntry(root, id)
  if (entry === undefined) throw new Fault('config', `${id}: is not in quarantine`)
  if (entry.state === 'released' && !again) {
    throw new Fault('config', `${id}: has been released; --again releases it once more`)
  }
  const folder = findFolder(root, entry.ground, entry.day)
  if (folder === undefined) throw new Fault('config', `${id}: is not in quarantine`)
  try {
    await refuseWhileReleased(folder, entry, isAlive)
  } catch (error) {
    folder.close()
    throw error
  }
  const plain = nameOfEntry(entry.id, entry.size)
  const mine = `${plain}:2,${entry.flags}.releasing-${process.pid}`
  const move = (from: MaildirPart, file: string, to: MaildirPart, name: string) =>
    rename(pathIn(folder, from, file), pathIn(folder, to, name))
  try {
    await move(entry.part, entry.file, 'tmp', mine)
  } catch (error) {
    folder.close()
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Fault('config', `${id}: somebody else is at it just now`)
  }
  const end = async (part: MaildirPart, name: string) => {
    try {
      await opened?.close()
      await move('tmp', mine, part, name)
    } finally {
      folder.close()
    }
  }
  const cancel = () =>
    entry.state === 'released' ? end('cur', `${plain}:2,${entry.flags}`) : end('new', plain)
  let opened: OpenEntry | undefined
  try {
    opened = await openEntry(folder, 'tmp', mine)
  } catch (error) {
    await cancel()
    throw error
  }
  return {
    entry,
    opened,
    wasInterrupted: entry.pid !== undefined,
    finish: () => end('cur', `${plain}:2,PS`),
    cancel,
  }
}

async function refuseWhileReleased(
  folder: Folder,
  { id, pid, part, file }: QuarantineEntry,
  isAlive: IsAlive,
): Promise<void> {
  if (pid === undefined) return
  const { ctimeMs } = await stat(pathIn(folder, part, file)) // of the rename(2) by which it was taken
  if (isAlive(pid, ctimeMs)) throw new Fault('config', `${id}: is being released by process ${pid}`)
}

/**
 * Removes a message for good, also one whose release was killed. Rejects with a Fault if it is not
 * there, or being released.
 */
export async function deleteEntry(
  root: PathHandle,
  entry: QuarantineEntry,
  isAlive: IsAlive,
): Promise<void> {
  const folder = findFolder(root, entry.ground, entry.day)
  try {
    if (folder) await refuseWhileReleased(folder, entry, isAlive)
    if (folder) await unlink(pathIn(folder, entry.part, entry.file))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Fault('config', `${entry.id}: is not in quarantine any more`)
  } finally {
    folder?.close()
  }
}

function pathIn({ parts }: Folder, part: MaildirPart, file: string): string {
  return `${procPathOf(parts[part])}/${file}`
}
