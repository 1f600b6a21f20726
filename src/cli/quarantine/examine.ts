import { createHash } from 'node:crypto'
import { Fault } from '../../ground/errors/fault.ts'
import { decodeRecord, type QuarantineRecord } from '../../quarantine/record.ts'

export interface Examined {
  readonly record: QuarantineRecord
  /**
   * The SHA-256 of the record as it stands in the file, in hex: what a release is asked for. The record
   * has that of the message, so this one stands for both.
   */
  readonly digest: string
}

/**
 * Reads the record of a message. Rejects with a Fault if the file is not a message in quarantine.
 */
export async function examineRecord(file: AsyncIterable<Buffer>): Promise<Examined> {
  const { record, digest } = await readRecord(file[Symbol.asyncIterator]())
  return { record, digest }
}

/**
 * Reads a message with its record, and calls `take` with each piece of the message. Record and digest are
 * those of the very bytes that `take` got. Rejects as examineRecord() does, and if the message is not the
 * one that its record names.
 */
export async function examine(
  file: AsyncIterable<Buffer>,
  take: (piece: Buffer) => void | Promise<void>,
): Promise<Examined> {
  const pieces = file[Symbol.asyncIterator]()
  const { record, digest, sha256, rest } = await readRecord(pieces)
  const hash = createHash('sha256')
  for (let piece: Buffer | undefined = rest; piece; piece = (await pieces.next()).value) {
    hash.update(piece)
    await take(piece)
  }
  if (hash.digest('hex') === sha256) return { record, digest }
  throw new Fault('read', 'is not the message that was kept: its digest is not that of its record')
}

interface Start extends Examined {
  readonly sha256: string
  /** What was read of the message. */
  readonly rest: Buffer
}

/** Reads pieces up to the end of the record. */
async function readRecord(pieces: AsyncIterator<Buffer, undefined>): Promise<Start> {
  let start = Buffer.alloc(0)
  let more: Buffer[] = []
  let length = 0
  for (;;) {
    const { value, done } = await pieces.next()
    if (value) more.push(value)
    length += value?.length ?? 0
    // Each look reads all bytes again, so there is one whenever there are twice as many.
    if (!done && length < 2 * start.length) continue
    start = Buffer.concat([start, ...more])
    more = []
    const found = decodeRecord(start)
    if (found !== undefined) {
      const { record, sha256, messageAt } = found
      const digest = createHash('sha256').update(start.subarray(0, messageAt)).digest('hex')
      return { record, sha256, digest, rest: start.subarray(messageAt) }
    }
    if (done) throw new Fault('read', 'is not a message in quarantine: it ends early')
  }
}
