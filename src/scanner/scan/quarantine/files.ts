import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { writeWholeInThread } from '../../../base/process/descriptors.ts'
import { quarantineFault } from './folders.ts'
import { ownTaker, takerText } from './taker.ts'

/** The files beside messages in quarantine. */

/** Opens a file in a directory of the quarantine; a new one has mode 0600. No link is followed. */
export function openIn(directory: PathHandle, name: string, flags: number): Promise<FileHandle> {
  const { O_NOFOLLOW, O_NONBLOCK } = constants
  return open(directory.at(name), flags | O_NOFOLLOW | O_NONBLOCK, 0o600)
}

/**
 * Writes a file in a directory of the quarantine, whole or not at all: after a crash or on a full disk the one before is still
 * there. Resolves to false if it is to be `new` and there is a file of this name. When this resolves, the file is on the disk.
 * Rejects with a Fault.
 */
export async function writeFileIn(
  directory: PathHandle,
  name: string,
  bytes: Buffer,
  when: 'new' | 'again' = 'again',
): Promise<boolean> {
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants
  const aside = `${name}.${takerText(ownTaker())}`
  const written = directory.at(aside)
  try {
    await writeSynced(await openIn(directory, aside, O_WRONLY | O_CREAT | O_TRUNC), bytes)
    await (when === 'new' ? link : rename)(written, directory.at(name))
    await directory.sync()
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw quarantineFault(join(directory.path, name), error)
  } finally {
    await unlink(written).catch(() => {})
  }
}

/** Appends to a file in a directory of the quarantine. When this resolves, that is on the disk. Rejects with a Fault. */
export async function appendIn(directory: PathHandle, name: string, bytes: Buffer): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT } = constants
  try {
    await writeSynced(await openIn(directory, name, O_WRONLY | O_APPEND | O_CREAT), bytes)
  } catch (error) {
    throw quarantineFault(name, error)
  }
}

async function writeSynced(file: FileHandle, bytes: Buffer): Promise<void> {
  try {
    await writeWholeInThread(file, bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
