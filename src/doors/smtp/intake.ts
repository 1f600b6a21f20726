import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import type { Message } from '../../message/spool.ts'
import { type CrlfReader, createCrlfReader } from '../shared/intake/crlf-reader.ts'
import { createGathering } from '../shared/intake/gathering.ts'
import { createMessageStream, type MessageStream } from '../shared/intake/message-stream.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'

/** How the lines of a received message end. */
export type KeptLineEnds = 'lf' | 'as they are'

/** A message as it was received, which is judged and handed on. */
export interface ReceivedMessage {
  readonly message: Message
  readonly lineEnds: KeptLineEnds
}

/**
 * A message put together from the content of DATA. Its lines end in LF, as they do in the queues
 * of MTAs, in mailboxes and before the slot of the next host, so that scanners see what others will
 * see. A message with a bare LF is kept as it came: servers differ about what a bare LF is, no
 * stamp vouches for mixed line ends, and what is handed on must be what was scanned.
 */
export interface SmtpIntake {
  /**
   * Takes the next piece of the content. `bareLf` says whether a bare LF has come so far. If
   * there is a promise, the next piece must wait for it.
   */
  write(content: Buffer, bareLf: boolean): Promise<void> | undefined
  /** Resolves to the message, which the caller closes. The intake must not be used any more. */
  finish(): Promise<ReceivedMessage>
  /** Frees everything. To be called if no message is made of it, or after the message is closed. */
  discard(): void
}

/**
 * Throws the faults of createGathering(). Of a header block over HEADER_MAX, only its beginning is
 * kept.
 */
export function createSmtpIntake(options: MessageOptions, lease: () => MemoryLease): SmtpIntake {
  let stream = openStream()
  let lineEnds: CrlfReader | undefined = createCrlfReader() // undefined once lines are kept as they are

  function openStream(): MessageStream {
    return createMessageStream(createGathering(options, lease()))
  }

  /**
   * Begins anew with all lines as they came. Those so far ended in CRLF, so each LF becomes CRLF
   * again.
   */
  async function restart(content: Buffer): Promise<void> {
    const before = stream
    const held = lineEnds!.finish()
    lineEnds = undefined
    stream = openStream() // before there is a message that had to be closed if this throws
    try {
      const message = await before.finish()
      try {
        for (const piece of pieces(message)) {
          stream.write(inCrlf(piece))
          await new Promise(setImmediate)
        }
      } finally {
        message.close()
      }
      stream.write(held)
      stream.write(content)
    } finally {
      before.discard()
    }
  }

  return {
    write(content, bareLf) {
      if (lineEnds === undefined) stream.write(content)
      else if (bareLf) return restart(content)
      else {
        const lines = lineEnds.push(content)
        stream.write(lines)
        releaseBuffer(lines)
      }
      return undefined
    },
    async finish() {
      if (lineEnds !== undefined) stream.write(lineEnds.finish())
      return {
        message: await stream.finish(),
        lineEnds: lineEnds === undefined ? 'as they are' : 'lf',
      }
    },
    discard: () => stream.discard(),
  }
}

function* pieces({ header, body }: Message): Generator<Buffer> {
  yield header.bytes
  yield* body()
}

function inCrlf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
}
