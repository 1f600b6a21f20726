import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Fault } from '../ground/errors/fault.ts'
import { procPathOf } from '../ground/path/walk.ts'
import type { Folder, MaildirPart } from './folders.ts'
import { decodeRecord, type QuarantineRecord, RECORD_MAX } from './record.ts'

/** Bytes of a file that are read at first, to find its record. */
const START = 4096

/** A message that is open for reading. */
export interface OpenEntry {
  readonly record: QuarantineRecord
  /** Reads the message as it came. */
  message(): AsyncGenerator<Buffer>
  /** Reads the whole file, the record and the message; or the record alone, as it stands in the file. */
  file(upTo?: 'record'): AsyncGenerator<Buffer>
  close(): Promise<void>
}

/**
 * Opens the file of a message. Rejects with ENOENT if it is not there any more, and with a Fault if it
 * is no message in quarantine, or has a record of more than `recordMax` bytes.
 */
export async function openEntry(
  folder: Folder,
  part: MaildirPart,
  file: string,
  recordMax = RECORD_MAX,
): Promise<OpenEntry> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const path = `${procPathOf(folder.parts[part])}/${file}`
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    if (!(await handle.stat()).isFile()) throw new Fault('read', `${file}: is no regular file`)
    const { record, messageAt } = await readStart(handle, recordMax)
    return {
      record,
      message: () => readFrom(handle, messageAt),
      file: (upTo) => readFrom(handle, 0, upTo && messageAt),
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* readFrom(
  handle: FileHandle,
  from: number,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  for (let at = from; ; ) {
    const chunk = Buffer.alloc(Math.min(256 * 1024, to - at))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) return
    yield chunk.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** Reads the record above a message, and where the message begins. */
async function readStart(handle: FileHandle, recordMax: number) {
  for (let most = START; ; most *= 8) {
    const start = Buffer.alloc(Math.min(most, recordMax + 2 * START))
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(start, length, start.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
      if (length === start.length) break
    }
    const found = decodeRecord(start.subarray(0, length), recordMax)
    if (found !== undefined) return found
    if (length < start.length) throw new Fault('read', 'is no message in quarantine: it ends early')
  }
}
