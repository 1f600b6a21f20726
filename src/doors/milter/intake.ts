import { HEADER_MAX } from '../../message/header-block.ts'
import { holdMessage, type LookOptions } from '../../message/held.ts'
import { createSpool, type Message, type Spool } from '../../message/spool.ts'
import type { Account } from '../shared/memory.ts'
import { createLineEnds } from './line-ends.ts'

/** Bytes of a message that are kept in memory; a larger one goes to a file without a name. */
export const HELD_MAX = 128 * 1024
/** What is allocated at first. */
const FIRST_PIECE = 8 * 1024

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
export interface Intake {
  /** One field: name, colon, and the value as it stands behind the colon. */
  field(name: Buffer, value: Buffer): void
  /** The empty line; what follows is the body. May be called again. */
  endHeader(): void
  body(chunk: Buffer): void
  /** The message, to be closed; the intake must not be used any more. */
  finish(): Message
  /** Frees everything: if it does not become a message, or once that is closed. */
  discard(): void
}

/**
 * In memory, which is charged to `account`, up to HELD_MAX, a header block up to HEADER_MAX; the rest of a message whose
 * header is larger is not kept. Faults: `temp-file` and `write`, of the spool, and `out-of-memory`.
 */
export function createIntake(options: LookOptions, account: Account): Intake {
  account.charge(FIRST_PIECE)
  let held = Buffer.allocUnsafe(FIRST_PIECE)
  let length = 0
  let inHeader = true
  let headerTooLarge = false
  let spool: Spool | undefined
  const lineEnds = createLineEnds()

  function hold(bytes: Buffer): void {
    if (held.length < length + bytes.length) {
      const size = Math.max(length + bytes.length, 2 * held.length)
      account.charge(size)
      const larger = Buffer.allocUnsafe(size)
      held.copy(larger, 0, 0, length)
      drop()
      held = larger
    }
    length += bytes.copy(held, length)
  }

  function drop(): void {
    account.release(held.length)
    held = Buffer.alloc(0)
  }

  function holdHeader(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      if (headerTooLarge) return
      hold(part.subarray(0, HEADER_MAX + 1 - length))
      headerTooLarge = length > HEADER_MAX
    }
  }

  function keepBody(chunk: Buffer): void {
    if (spool === undefined) {
      if (length + chunk.length <= HELD_MAX) {
        hold(chunk)
        return
      }
      spool = createSpool(options)
      spool.write(held.subarray(0, length))
      drop()
    }
    spool.write(chunk)
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
      if (!headerTooLarge && chunk.length > 0) keepBody(lineEnds.push(chunk))
    },
    finish() {
      endHeader()
      const rest = lineEnds.finish()
      if (!headerTooLarge && rest.length > 0) keepBody(rest)
      const spooled = spool
      spool = undefined
      if (spooled !== undefined) return spooled.finish()
      const message = holdMessage(held.subarray(0, length), options)
      // By our own count: an empty line inside a value must not make it look smaller.
      return headerTooLarge ? { ...message, headerTooLarge } : message
    },
    discard() {
      spool?.finish().close()
      spool = undefined
      drop()
      account.close()
      length = 0
    },
  }
}

/** A field's value with the folds of the MTA: a line end of LF alone, or of CRLF. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR)) return value
  return Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
