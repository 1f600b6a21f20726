import type { MemoryLease } from '../../lib/flow/memory-budget.ts'
import { CR } from '../../lib/net/ascii.ts'
import { CrlfReader } from '../../mail/message/crlf-reader.ts'
import { Intake, type MessageOptions } from '../../mail/message/intake.ts'
import type { Message } from '../../mail/message/message.ts'

const AFTER_NAME = Buffer.from(':')
const NEWLINE = Buffer.from('\n')

/**
 * A message put together from the parts that an MTA sends. Its lines end in LF, as they do in the
 * queues of MTAs, in mailboxes and before the slot of the next host, so that scanners see what
 * others will see. (If a message has a bare CR, libclamav finds less in it with CRLF.) Whatever
 * else is odd stays, for stamps and scanners to see.
 *
 * All methods may throw what those of Intake throw.
 */
export class MilterIntake {
  readonly #intake: Intake
  readonly #lineEnds = new CrlfReader()
  #inHeader = true

  constructor(options: MessageOptions, lease: MemoryLease) {
    this.#intake = new Intake(options, lease)
  }

  /** Takes a field: its name, and its value as it stands after the colon. */
  field(name: Buffer, value: Buffer): void {
    this.#intake.write(Buffer.concat([name, AFTER_NAME, inLf(value), NEWLINE]))
  }

  /** Ends the header with an empty line; the body follows. May be called again. */
  endHeader(): void {
    if (this.#inHeader) this.#intake.write(NEWLINE)
    this.#inHeader = false
  }

  body(chunk: Buffer): void {
    this.endHeader()
    this.#intake.write(this.#lineEnds.push(chunk))
  }

  /** Makes the message, which the caller closes. The intake must not be used any more. */
  finish(): Message {
    this.endHeader()
    this.#intake.write(this.#lineEnds.finish())
    return this.#intake.finish()
  }

  /** Frees everything. To be called if no message is made of it, or after the message is closed. */
  close(): void {
    this.#intake.close()
  }
}

/** Returns a field's value with LF for each CRLF: MTAs fold with either. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR)) return value
  return Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}
