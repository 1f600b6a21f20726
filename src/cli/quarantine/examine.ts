import { createHash } from 'node:crypto'
import { Fault } from '../../ground/errors/fault.ts'
import { decodeRecord, type QuarantineRecord } from '../../quarantine/record.ts'

/** Most bytes of a record that a command reads. */
const RECORD_MAX = 16 * 1024 * 1024

export interface Examined {
  readonly record: QuarantineRecord
  /** The SHA-256 of the whole file, record and message, in hex: what a release is asked for. */
  readonly digest: string
}

/**
 * Reads the file of a message once, and calls `take` with each piece of the message. The record and the
 * digest are those of the very bytes that `take` got. Rejects with a Fault if the file is no message in
 * quarantine, or has a record of more than RECORD_MAX bytes.
 */
export async function examine(
  file: AsyncIterable<Buffer>,
  take: (piece: Buffer) => void | Promise<void> = () => {},
): Promise<Examined> {
  const hash = createHash('sha256')
  let record: QuarantineRecord | undefined
  let start: Buffer[] = []
  let length = 0
  let lookAt = 1 // bytes from which on the record may be whole: each look reads all of them again
  const look = async () => {
    const bytes = Buffer.concat(start)
    const found = decodeRecord(bytes, RECORD_MAX)
    start = [bytes]
    if (found === undefined) return
    record = found.record
    start = []
    await take(bytes.subarray(found.messageAt))
  }
  for await (const piece of file) {
    hash.update(piece)
    if (record !== undefined) {
      await take(piece)
      continue
    }
    start.push(piece)
    length += piece.length
    if (length < lookAt) continue
    lookAt = 2 * length
    await look()
  }
  if (record === undefined) await look()
  if (record === undefined) throw new Fault('read', 'is no message in quarantine: it ends early')
  return { record, digest: hash.digest('hex') }
}
