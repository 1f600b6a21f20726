import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { findHeaderEnd, HEADER_MAX } from '../../message/header-block.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import type { Message } from '../../message/spool.ts'
import { type CrlfReader, createCrlfReader } from '../shared/intake/crlf-reader.ts'
import { createGathering, type Gathering } from '../shared/intake/gathering.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'

const LF = 0x0a

/** How the lines of a message end while it is here. */
export type KeptLineEnds = 'lf' | 'as they are'

/** A message as it was received, to be judged and sent on. */
export interface ReceivedMessage {
  readonly message: Message
  readonly lineEnds: KeptLineEnds
}

/**
 * A message put together from the content of DATA. Its lines end in LF while it is here: so
 * it stands in the queues of MTAs, in mailboxes, and before the slot of the next host, and
 * scanners see what others will. A message with a bare LF is kept as it came: servers differ
 * about what that is, no stamp vouches for mixed line ends, and what is sent on must be what was
 * looked at.
 */
export interface SmtpIntake {
  /** Content in its order. `bareLf`: one was seen by now. The promise, if any, comes before the next piece. */
  write(content: Buffer, bareLf: boolean): Promise<void> | undefined
  /** The message, to be closed; the intake must not be used any more. */
  finish(): Promise<ReceivedMessage>
  /** Frees everything: if it does not become a message, or once that is closed. */
  discard(): void
}

/** Faults as createGathering() has them. A header block over HEADER_MAX and what is below are not kept. */
export function createSmtpIntake(options: MessageOptions, lease: () => MemoryLease): SmtpIntake {
  let stream = openStream()
  let lineEnds: CrlfReader | undefined = createCrlfReader() // undefined: as they are

  function openStream(): MessageStream {
    return createStream(createGathering(options, lease()))
  }

  /** What is here was all in CRLF, so it can be had as it came. */
  async function begin(content: Buffer): Promise<void> {
    const before = stream
    const held = lineEnds!.finish()
    lineEnds = undefined
    const message = await before.finish()
    stream = openStream()
    try {
      for (const piece of pieces(message)) {
        stream.write(inCrlf(piece))
        await new Promise(setImmediate)
      }
      stream.write(held)
      stream.write(content)
    } finally {
      message.close()
      before.discard()
    }
  }

  return {
    write(content, bareLf) {
      if (lineEnds === undefined) stream.write(content)
      else if (bareLf) return begin(content)
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

interface MessageStream {
  write(bytes: Buffer): void
  finish(): Promise<Message>
  discard(): void
}

/** The header block stays in memory until its end is seen, or it is too large. */
function createStream(gathering: Gathering): MessageStream {
  let state: 'header' | 'body' | 'too large' = 'header'
  let lineStart = 0

  /**
   * The part of the bytes that belongs to a header block that is not too large, and whether the
   * block has ended.
   */
  function holdHeader(bytes: Buffer): boolean {
    gathering.hold(bytes)
    if (!bytes.includes(LF)) return false
    const found = findHeaderEnd(gathering.held, lineStart)
    if ('next' in found) lineStart = found.next
    return 'end' in found
  }

  return {
    write(bytes) {
      if (state === 'body') return gathering.keep(bytes)
      if (state === 'too large') return
      const piece = bytes.subarray(0, HEADER_MAX + 1 - gathering.held.length)
      if (holdHeader(piece)) {
        state = 'body'
        gathering.keep(bytes.subarray(piece.length))
      } else if (gathering.held.length > HEADER_MAX) state = 'too large'
    },
    finish: gathering.finish,
    discard: gathering.discard,
  }
}

function* pieces({ header, body }: Message): Generator<Buffer> {
  yield header.bytes
  yield* body()
}

function inCrlf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
}
