import { HEADER_MAX } from '../../message/header-block.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import type { Message } from '../../message/spool.ts'
import { createCrlfReader } from '../shared/intake/crlf-reader.ts'
import { createGathering } from '../shared/intake/gathering.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'

const LF = 0x0a
const CR = 0x0d
const COLON = Buffer.from(':')
const NEWLINE = Buffer.of(LF)

/**
 * A message put together from the parts that an MTA sends. Its lines end in LF, as they do in the
 * queues of MTAs, in mailboxes and before the slot of the next host, so that scanners see what
 * others will see. (If a message has a bare CR, libclamav finds less in it with CRLF.) Whatever
 * else is odd stays, for stamps and scanners to see.
 */
export interface MilterIntake {
  /** Takes a field: its name, and its value as it stands behind the colon. */
  field(name: Buffer, value: Buffer): void
  /** Ends the header with an empty line; the body follows. May be called again. */
  endHeader(): void
  body(chunk: Buffer): void
  /** Resolves to the message, which the caller closes. The intake must not be used any more. */
  finish(): Promise<Message>
  /** Frees everything. To be called if no message is made of it, or after the message is closed. */
  discard(): void
}

/**
 * Keeps messages up to IN_MEMORY_MAX bytes in memory, which is charged to `lease`. Of a message with
 * a header block over HEADER_MAX only the beginning is kept. Throws Faults of kind `temp-file` and `write`,
 * if the file cannot be written, and `out-of-memory`.
 */
export function createMilterIntake(options: MessageOptions, lease: MemoryLease): MilterIntake {
  const gathering = createGathering(options, lease)
  let inHeader = true
  let headerLength = 0
  let headerTooLarge = false
  const lineEnds = createCrlfReader()

  function holdHeader(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      if (headerTooLarge) return
      const room = HEADER_MAX + 1 - headerLength
      const piece = part.length > room ? part.subarray(0, room) : part
      gathering.addToHeader(piece)
      headerLength += piece.length
      headerTooLarge = headerLength > HEADER_MAX
    }
  }

  function endHeader(): void {
    if (inHeader) holdHeader(NEWLINE)
    inHeader = false
  }

  return {
    field: (name, value) => holdHeader(name, COLON, inLf(value), NEWLINE),
    endHeader,
    body(chunk) {
      endHeader()
      if (!headerTooLarge && chunk.length > 0) gathering.addToBody(lineEnds.push(chunk))
    },
    async finish() {
      endHeader()
      const rest = lineEnds.finish()
      if (!headerTooLarge && rest.length > 0) gathering.addToBody(rest)
      const message = await gathering.finish()
      // By the count kept here: an empty line inside a value must not make the header look smaller.
      return headerTooLarge ? { ...message, headerTooLarge } : message
    },
    discard: gathering.discard,
  }
}

/** Returns a field's value with LF for each CRLF: MTAs fold with either. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR)) return value
  return Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
