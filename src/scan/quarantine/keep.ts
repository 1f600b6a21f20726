import { open, rename, unlink } from 'node:fs/promises'
import { isFault } from '../../ground/errors/fault.ts'
import type { Message } from '../../mail/message/message.ts'
import { dayOfId, nameOfEntry } from './entries.ts'
import { Folder, openQuarantine, quarantineFault } from './folders.ts'
import { type QuarantineRecord, writeRecorded } from './record.ts'

/**
 * Keeps a message. When this resolves, the message is on the disk, and a power failure does not undo
 * that (fsync(2) of the file, and of the directory that names it). A process that is killed before
 * leaves nothing but a file in tmp/, which the sweep removes. Rejects with a Fault, `write` if the
 * disk is full: the message is not kept then, and must not be accepted.
 */
export async function keepMessage(
  directory: string,
  record: QuarantineRecord,
  message: Pick<Message, 'header' | 'body' | 'size'>,
): Promise<void> {
  const root = openQuarantine(directory)
  try {
    const folder = await Folder.make(root, { grounds: record.grounds, day: dayOfId(record.id) })
    try {
      await writeInto(folder, record, message)
    } finally {
      folder.close()
    }
  } catch (error) {
    throw isFault(error) ? error : quarantineFault(directory, error)
  } finally {
    root.close()
  }
}

/**
 * Removes a message that was kept a moment ago; when this resolves, a power failure does not bring it
 * back. Rejects with a Fault if it cannot be removed, or is not where it was kept.
 */
export async function removeKept(
  directory: string,
  { grounds, id, size }: Pick<QuarantineRecord, 'grounds' | 'id'> & Pick<Message, 'size'>,
): Promise<void> {
  const root = openQuarantine(directory)
  try {
    const file = nameOfEntry(id, size)
    const remove = (folder: Folder) => folder.remove({ part: 'new', file })
    await Folder.within(root, { grounds, day: dayOfId(id) }, remove)
  } catch (error) {
    throw isFault(error) ? error : quarantineFault(directory, error)
  } finally {
    root.close()
  }
}

async function writeInto(
  folder: Folder,
  record: QuarantineRecord,
  message: Pick<Message, 'header' | 'body' | 'size'>,
): Promise<void> {
  const written = folder.parts.tmp.at(record.id)
  const kept = folder.parts.new.at(nameOfEntry(record.id, message.size))
  const file = await open(written, 'wx', 0o600)
  try {
    await writeRecorded(file, record, message)
    await file.sync()
    await rename(written, kept)
    await folder.parts.new.sync().catch(async (error) => {
      await unlink(kept)
      throw error
    })
  } catch (error) {
    await unlink(written).catch(() => {}) // the sweep removes it
    throw error
  } finally {
    await file.close()
  }
}
