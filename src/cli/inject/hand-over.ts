import { createWriteStream } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { isCompiled } from '../../ground/runtime/compiled-program.ts'

/** Bytes to be written: at once, or piece by piece as they are asked for. */
export type Source = Buffer | Iterable<Buffer> | AsyncIterable<Buffer>

export interface Mail {
  readonly message: Source
  readonly envelope: Source
  /** The envelope's pipe stays open until the slot has ended. */
  readonly keepEnvelopeOpen?: boolean
}

/**
 * Writes the message to its end, then the envelope, and closes both pipes;
 * true if all of it was taken. A message that was not leaves the envelope
 * empty, as in qmail.c, where the first error stops all writing. Whatever
 * `ended` tells of the slot, nothing is waited for after it.
 */
export async function handOver(
  mail: Mail,
  messageFd: number,
  envelopeFd: number,
  ended: Promise<unknown>,
): Promise<boolean> {
  const message = writerOf(messageFd)
  const envelope = writerOf(envelopeFd)
  const gone = ended.then(() => undefined)
  try {
    const whole = await pour(mail.message, message, gone)
    message.destroy()
    const both = whole && (await pour(mail.envelope, envelope, gone))
    if (mail.keepEnvelopeOpen) await ended
    return both
  } finally {
    message.destroy()
    envelope.destroy()
  }
}

/** False as soon as the slot does not take any more. */
async function pour(source: Source, pipe: Writable, gone: Promise<undefined>): Promise<boolean> {
  if (Buffer.isBuffer(source)) return write(pipe, source)
  if (Symbol.iterator in source) {
    for (const piece of source) if (!(await write(pipe, piece))) return false
    return true
  }
  const pieces = source[Symbol.asyncIterator]()
  for (;;) {
    // A source that waits for something must not outlive the slot.
    const next = await Promise.race([pieces.next(), gone])
    if (next === undefined) return false
    if (next.done) return true
    if (!(await write(pipe, next.value))) return false
  }
}

const write = (pipe: Writable, piece: Buffer): Promise<boolean> =>
  new Promise((done) => {
    pipe.write(piece, (error) => done(!error))
  })

/**
 * A socket object over a pipe's end waits in the event loop, not in a thread that a stuck
 * slot would hold. Bun makes none of a descriptor: there it is a thread.
 */
function writerOf(fd: number): Writable {
  const writer = isCompiled
    ? createWriteStream('', { fd })
    : new Socket({ fd, readable: false, writable: true })
  return writer.on('error', () => {
    // EPIPE: told to the writer by its callback.
  })
}
