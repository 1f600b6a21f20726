import { createHash } from 'node:crypto'
import { open, rename, unlink } from 'node:fs/promises'
import { isFault } from '../../ground/errors/fault.ts'
import { writeWholeAside } from '../../ground/process/descriptors.ts'
import type { Message } from '../../mail/message/message.ts'
import { dayOfId, nameOfEntry } from './entries.ts'
import { type Folder, makeFolder, openQuarantine, quarantineFault, withFolder } from './folders.ts'
import { encodeRecord, lastLine, type QuarantineRecord } from './record.ts'

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
    const folder = await makeFolder(root, record.grounds, dayOfId(record.id)!)
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
    await withFolder(root, grounds, dayOfId(id)!, async ({ parts }) => {
      await unlink(parts.new.at(nameOfEntry(id, size)))
      await parts.new.sync()
    })
  } catch (error) {
    throw isFault(error) ? error : quarantineFault(directory, error)
  } finally {
    root.close()
  }
}

async function writeInto(
  { parts }: Folder,
  record: QuarantineRecord,
  { header, body, size }: Pick<Message, 'header' | 'body' | 'size'>,
): Promise<void> {
  const written = parts.tmp.at(record.id)
  const kept = parts.new.at(nameOfEntry(record.id, size))
  const file = await open(written, 'wx', 0o600)
  try {
    const hash = createHash('sha256')
    const above = encodeRecord(record)
    await writeWholeAside(file, above)
    for (const chunk of inPieces(header.bytes, body.chunks())) {
      hash.update(chunk)
      await writeWholeAside(file, chunk)
    }
    const line = Buffer.from(lastLine(hash.digest('hex')))
    await writeWholeAside(file, line, above.length - line.length)
    await file.sync()
    await rename(written, kept)
    await parts.new.sync().catch(async (error) => {
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

function* inPieces(header: Buffer, body: Iterable<Buffer>): Generator<Buffer> {
  yield header
  yield* body
}
