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
  /** What stands above the message: the bytes that `record` was read from. */
  readonly above: Buffer
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
    const { record, above } = await readStart(handle)
    return {
      record,
      above,
      message: () => readFrom(handle, above.length),
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* readFrom(handle: FileHandle, from: number): AsyncGenerator<Buffer> {
  for (let at = from; ; ) {
    const chunk = Buffer.alloc(256 * 1024)
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) return
    yield chunk.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** Reads the record above a message, and its bytes. */
async function readStart(handle: FileHandle) {
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
    if (found !== undefined) {
      return { record: found.record, above: start.subarray(0, found.messageAt) }
    }
    if (length < start.length)
      throw new Fault('read', 'is not a message in quarantine: it ends early')
  }
}
