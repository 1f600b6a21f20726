import { rename, stat, unlink } from 'node:fs/promises'
import { errorCode, Fault } from '../ground/errors/fault.ts'
import { type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { findEntry, type QuarantineEntry } from './entries.ts'
import { type Folder, findFolder, type MaildirPart } from './folders.ts'
import { nameOfEntry } from './names.ts'
import { type OpenEntry, openEntry } from './open-entry.ts'

/** A message that this process releases, and that no other process can take meanwhile. */
export interface Release {
  readonly entry: QuarantineEntry
  readonly opened: OpenEntry
  /**
   * Ends the release of a message that was handed on. The message stays, in cur/ with the flag P
   * ("passed", maildir(5)).
   */
  finish(): Promise<void>
  /**
   * Ends the release of a message that was not handed on. The message stays as it was: if a release was
   * interrupted before, it may have been delivered then.
   */
  cancel(): Promise<void>
  /** Ends the release of a message that may have been handed on: it counts as interrupted. */
  leave(): Promise<void>
}

/** Returns whether a process still runs that has had a message since then, unix milliseconds. */
export type IsAlive = (pid: number, since: number) => boolean

/** The conditions of a release. */
export interface ReleaseChoice {
  /** Whether a message may be released once more, though it was, or its release was interrupted. */
  readonly again: boolean
  readonly isAlive: IsAlive
}

/**
 * Takes a message in order to hand it on. If several processes try, rename(2) lets one of them have
 * it. Rejects with a Fault if there is no message of that id, while another process releases it, and
 * without `again`, if it was released before, or its release was interrupted: only `again` and
 * deleteEntry() end that state.
 */
export async function beginRelease(
  root: PathHandle,
  id: string,
  { again, isAlive }: ReleaseChoice,
): Promise<Release> {
  const entry = findEntry(root, id)
  if (entry?.state === 'released' && !again) {
    throw new Fault('config', `${id}: has been released; --again releases it once more`)
  }
  const folder = entry && findFolder(root, entry.grounds, entry.day)
  if (entry === undefined || folder === undefined) {
    throw new Fault('config', `${id}: is not in quarantine`)
  }
  try {
    await refuseWhileReleased(folder, entry, isAlive)
    if (entry.state === 'releasing' && !again) {
      const why = 'a release of it was interrupted, and it may have been delivered'
      throw new Fault('config', `${id}: ${why}; --again releases it all the same`)
    }
    return await takeEntry(folder, entry)
  } catch (error) {
    folder.close()
    throw error
  }
}

/** Moves the file of a message to tmp/, under a name that tells this process, and opens it there. */
async function takeEntry(folder: Folder, entry: QuarantineEntry): Promise<Release> {
  const { id, size, flags, part, file, state } = entry
  const keptName = nameOfEntry(id, size)
  const ownName = `${keptName}:2,${flags}.releasing-${process.pid}`
  const ownPath = pathIn(folder, 'tmp', ownName)
  try {
    await rename(pathIn(folder, part, file), ownPath)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Fault('config', `${id}: another process has just taken it`)
  }
  // A release that was interrupted stays so, under the number of this process, which ends.
  const putBack = async () => {
    if (state === 'releasing') return
    const released = pathIn(folder, 'cur', `${keptName}:2,${flags}`)
    await rename(ownPath, state === 'released' ? released : pathIn(folder, 'new', keptName))
  }
  let opened: OpenEntry
  try {
    opened = await openEntry(folder, 'tmp', ownName)
  } catch (error) {
    await putBack()
    throw error
  }
  const end = async (move: () => Promise<void>) => {
    try {
      await opened.close()
      await move()
    } finally {
      folder.close()
    }
  }
  return {
    entry,
    opened,
    finish: () => end(() => rename(ownPath, pathIn(folder, 'cur', `${keptName}:2,PS`))),
    cancel: () => end(putBack),
    leave: () => end(async () => {}),
  }
}

async function refuseWhileReleased(
  folder: Folder,
  { id, pid, part, file }: QuarantineEntry,
  isAlive: IsAlive,
): Promise<void> {
  if (pid === undefined) return
  const { ctimeMs } = await stat(pathIn(folder, part, file)) // of the rename(2) that took it
  if (isAlive(pid, ctimeMs)) throw new Fault('config', `${id}: is being released by process ${pid}`)
}

/**
 * Removes a message for good, even if a release of it was killed. Rejects with a Fault if the message
 * is not there, or while a process releases it.
 */
export async function deleteEntry(
  root: PathHandle,
  entry: QuarantineEntry,
  isAlive: IsAlive,
): Promise<void> {
  const folder = findFolder(root, entry.grounds, entry.day)
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
