import { HEADER_MAX } from '../../message/header-block.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import type { Message } from '../../message/message.ts'
import { CrlfReader } from '../shared/intake/crlf-reader.ts'
import { Gathering } from '../shared/intake/gathering.ts'
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
 *
 * Messages up to IN_MEMORY_MAX bytes are kept in memory, which is charged to a lease. Of a message
 * with a header block over HEADER_MAX only the beginning is kept. All methods may throw Faults of
 * kind `temp-file` and `write`, if the file cannot be written, and `out-of-memory`.
 */
export class MilterIntake {
  readonly #gathering: Gathering
  readonly #lineEnds = new CrlfReader()
  #inHeader = true
  #headerLength = 0
  #headerTooLarge = false

  constructor(options: MessageOptions, lease: MemoryLease) {
    this.#gathering = new Gathering(options, lease)
  }

  /** Takes a field: its name, and its value as it stands after the colon. */
  field(name: Buffer, value: Buffer): void {
    this.#holdHeader(name, COLON, inLf(value), NEWLINE)
  }

  /** Ends the header with an empty line; the body follows. May be called again. */
  endHeader(): void {
    if (this.#inHeader) this.#holdHeader(NEWLINE)
    this.#inHeader = false
  }

  body(chunk: Buffer): void {
    this.endHeader()
    if (chunk.length > 0) this.#holdBody(this.#lineEnds.push(chunk))
  }

  /** Resolves to the message, which the caller closes. The intake must not be used any more. */
  async finish(): Promise<Message> {
    this.endHeader()
    this.#holdBody(this.#lineEnds.finish())
    const message = await this.#gathering.finish()
    // By the count kept here: an empty line inside a value must not make the header look smaller.
    return this.#headerTooLarge ? { ...message, headerTooLarge: true } : message
  }

  /** Frees everything. To be called if no message is made of it, or after the message is closed. */
  discard(): void {
    this.#gathering.discard()
  }

  #holdHeader(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      if (this.#headerTooLarge) return
      const room = HEADER_MAX + 1 - this.#headerLength
      const piece = part.length > room ? part.subarray(0, room) : part
      this.#gathering.addToHeader(piece)
      this.#headerLength += piece.length
      this.#headerTooLarge = this.#headerLength > HEADER_MAX
    }
  }

  #holdBody(bytes: Buffer): void {
    if (!this.#headerTooLarge && bytes.length > 0) this.#gathering.addToBody(bytes)
  }
}

/** Returns a field's value with LF for each CRLF: MTAs fold with either. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR)) return value
  return Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
