import { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/** The bytes to write: all at once, or in pieces as they are asked for. */
export type ByteSource = Buffer | Iterable<Buffer> | AsyncIterable<Buffer>

/** The message and envelope that a slot gets. */
export interface SlotInput {
  readonly message: ByteSource
  readonly envelope: ByteSource
  /** Whether the envelope's pipe stays open until the slot has ended. */
  readonly keepEnvelopeOpen?: boolean
  /** Called when all of the message is written, and the slot waits for the envelope. */
  readonly beforeEnvelope?: (() => void) | undefined
}

/**
 * Writes the message to its end, then the envelope, and closes both pipes. Resolves to whether the
 * slot took all of both. If it did not take all of the message, the envelope stays empty, as in
 * qmail.c, where the first error stops all writing. Nothing is waited for after `ended` has resolved:
 * the slot has ended.
 */
export async function handOver(
  mail: SlotInput,
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
    mail.beforeEnvelope?.()
    const both = whole && (await pour(mail.envelope, envelope, gone))
    if (mail.keepEnvelopeOpen) await ended
    return both
  } finally {
    message.destroy()
    envelope.destroy()
  }
}

/** Writes all pieces. Resolves to false as soon as the slot takes no more. */
async function pour(
  source: ByteSource,
  pipe: Writable,
  gone: Promise<undefined>,
): Promise<boolean> {
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
 * A writer that waits in the event loop, by a socket object over the pipe's end, and not in a
 * thread that a stuck slot would hold.
 */
function writerOf(fd: number): Writable {
  return new Socket({ fd, readable: false, writable: true }).on('error', () => {
    // write() hears of EPIPE by its callback.
  })
}
