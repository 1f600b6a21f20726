import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Fault } from '../../ground/errors/fault.ts'
import { procPathOf } from '../../ground/path/walk.ts'
import type { Folder, MaildirPart } from './folders.ts'
import { decodeRecord, type QuarantineRecord, RECORD_MAX, type ReadRecord } from './record.ts'

/** Bytes of a file that are read at first, to find its record. */
const START = 4096

/** A message that is open for reading. */
export interface OpenEntry {
  readonly record: QuarantineRecord
  /** Reads the message as it came. Throws a Fault at its end if it is not the one that was kept. */
  message(): AsyncGenerator<Buffer>
  close(): Promise<void>
}

/**
 * Opens the file of a message. Rejects with ENOENT if it is not there any more, and with a Fault if it
 * is not a message in quarantine.
 */
export async function openEntry(
  folder: Folder,
  part: MaildirPart,
  file: string,
): Promise<OpenEntry> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const path = `${procPathOf(folder.parts[part])}/${file}`
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    if (!(await handle.stat()).isFile()) throw new Fault('read', `${file}: is not a regular file`)
    const start = await readStart(handle)
    return {
      record: start.record,
      message: () => readMessage(handle, start),
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* readMessage(
  handle: FileHandle,
  { sha256, messageAt }: ReadRecord,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for (let at = messageAt; ; ) {
    const chunk = Buffer.alloc(256 * 1024)
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) break
    const piece = chunk.subarray(0, bytesRead)
    hash.update(piece)
    yield piece
    at += bytesRead
  }
  if (hash.digest('hex') === sha256) return
  throw new Fault('read', 'is not the message that was kept: its digest is not that of its record')
}

/** Reads the record above a message. */
async function readStart(handle: FileHandle): Promise<ReadRecord> {
  for (let most = START; ; most *= 8) {
    const start = Buffer.alloc(Math.min(most, RECORD_MAX + START))
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(start, length, start.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
      if (length === start.length) break
    }
    const found = decodeRecord(start.subarray(0, length))
    if (found !== undefined) return found
    if (length < start.length)
      throw new Fault('read', 'is not a message in quarantine: it ends early')
  }
}
