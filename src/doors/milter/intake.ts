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
 * A message put together from its parts as an MTA tells them, in LF throughout: as it stands
 * in the queues of MTAs, in mailboxes, and before the slot of the next host, so that scanners
 * see what others will. (libclamav finds less in the same message in CRLF where a bare CR is
 * in it.) What else is odd in it stays, for stamps and scanners to see.
 */
export interface MilterIntake {
  /** One field: name, colon, and the value as it stands behind the colon. */
  field(name: Buffer, value: Buffer): void
  /** The empty line; what follows is the body. May be called again. */
  endHeader(): void
  body(chunk: Buffer): void
  /** The message, to be closed; the intake must not be used any more. */
  finish(): Promise<Message>
  /** Frees everything: if it does not become a message, or once that is closed. */
  discard(): void
}

/**
 * In memory, which is charged to `lease`, up to HELD_MAX, a header block up to HEADER_MAX; the rest of a message whose
 * header is larger is not kept. Faults: `temp-file` and `write`, of the spool, and `out-of-memory`.
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
      gathering.hold(piece)
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
      if (!headerTooLarge && chunk.length > 0) gathering.keep(lineEnds.push(chunk))
    },
    async finish() {
      endHeader()
      const rest = lineEnds.finish()
      if (!headerTooLarge && rest.length > 0) gathering.keep(rest)
      const message = await gathering.finish()
      // By our own count: an empty line inside a value must not make it look smaller.
      return headerTooLarge ? { ...message, headerTooLarge } : message
    },
    discard: gathering.discard,
  }
}

/** A field's value with the folds of the MTA: a line end of LF alone, or of CRLF. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR)) return value
  return Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
