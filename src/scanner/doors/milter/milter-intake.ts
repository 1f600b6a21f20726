import { isUtf8 } from 'node:buffer'
import { CR, LF } from '../../../base/bytes/ascii.ts'
import { startsWith } from '../../../base/bytes/buffers.ts'
import type { MemoryLease } from '../../../base/flow/memory-budget.ts'
import { CrlfReader } from '../../../mail/message/crlf-reader.ts'
import type { Header } from '../../../mail/message/header-block.ts'
import { Intake } from '../../../mail/message/intake.ts'
import type { MessageOptions } from '../../../mail/message/message-options.ts'
import type { Transaction } from '../../scan/judge/context/transaction.ts'

const AFTER_NAME = Buffer.from(':')
const NEWLINE = Buffer.from('\n')

/** The reason why a message that may be one of two is neither trusted nor stamped. */
const TWO_WAYS = 'the body is a whole message'
/** The reason why the MTA may change the header, which was to be stamped. */
const NO_BLANK = 'a field has no space after its colon, and the MTA may add one'

/**
 * A message assembled from the parts that an MTA sends. Its lines end in LF, as in the queues of MTAs, in
 * mailboxes and in the input of qmail-queue on the next host, so that scanners see the same bytes as others.
 * (If a message has a bare CR, libclamav finds less in it with CRLF.) All other oddities stay, for stamps and
 * scanners to see.
 *
 * Some MTAs (Stalwart) send the whole message as the body, and copies of its fields before. So a body that
 * begins with the name of the first field is also kept as a separate message. After its header has arrived,
 * this is known:
 *
 * | the MTA sends whole messages | the body has the same fields | the message is |
 * | --- | --- | --- |
 * | yes | yes | the body |
 * | yes | no | the body, or the fields and the body |
 * | not known | yes | the fields and the body, or the body |
 * | not known | no | the fields and the body |
 *
 * A sender may write such a body, so no content can make the body alone the message. All methods may throw
 * the errors of Intake.
 */
export class MilterIntake {
  readonly #makeIntake: () => Intake
  readonly #lineEnds = new CrlfReader()
  /** The message of fields and body. It is closed once only the body is the message. */
  readonly #ofParts: Intake
  /** The body as a message, or undefined if it is not one. */
  #ofBody: Intake | undefined
  #firstName: Buffer | undefined
  /** The start of the body, until it is known whether a message begins there. */
  #start: Buffer | undefined = Buffer.alloc(0)
  #isInHeader = true
  #sendsWhole = false
  #isCompared = false
  #isBodyAlone = false

  constructor(options: MessageOptions, openLease: () => MemoryLease) {
    this.#makeIntake = () => new Intake(options, openLease())
    this.#ofParts = this.#makeIntake()
  }

  /** Takes a field: its name, and its value as written after the colon. */
  field(name: Buffer, value: Buffer): void {
    this.#firstName ??= Buffer.from(name)
    this.#ofParts.write(Buffer.concat([name, AFTER_NAME, inLf(value), NEWLINE]))
  }

  /**
   * Ends the header with an empty line. The body follows. May be called again. `sendsWhole`: this MTA is
   * known to send the whole message as the body.
   */
  endHeader(sendsWhole = false): void {
    if (!this.#isInHeader) return
    this.#ofParts.write(NEWLINE)
    this.#isInHeader = false
    this.#sendsWhole = sendsWhole
  }

  body(chunk: Buffer): void {
    this.endHeader()
    this.#take(this.#lineEnds.push(chunk))
  }

  /**
   * Makes the message, and the other one that it may be. The caller closes them. The intake must no longer be
   * used.
   */
  finish(): Pick<Transaction, 'message' | 'alternative'> {
    this.endHeader()
    this.#take(this.#lineEnds.finish())
    const parts = this.#ofParts
    const body = this.#ofBody
    if (body === undefined || (!this.#isCompared && !this.#sendsWhole))
      return { message: parts.finish() }
    if (this.#isBodyAlone) return { message: body.finish(changedByMta(body.header)) }
    const [one, other] = this.#sendsWhole ? [body, parts] : [parts, body]
    return { message: one.finish(TWO_WAYS), alternative: other.finish() }
  }

  /** Frees everything. To be called if no message is made of it, or after the message is closed. */
  close(): void {
    this.#ofParts.close()
    this.#ofBody?.close()
  }

  #take(bytes: Buffer): void {
    if (!this.#isBodyAlone) this.#ofParts.write(bytes)
    if (this.#start === undefined) this.#ofBody?.write(bytes)
    else this.#begin(Buffer.concat([this.#start, bytes]), this.#firstName ?? NEWLINE)
    if (this.#ofBody !== undefined && !this.#isCompared) this.#compare(this.#ofBody)
  }

  /** Begins to keep the body as a message, if one begins there. */
  #begin(start: Buffer, name: Buffer): void {
    this.#start = start
    if (start.length <= name.length && !this.#sendsWhole) return
    this.#start = undefined
    const isName =
      startsWith(start, name) && ':\t '.includes(String.fromCharCode(start[name.length]!))
    if (!isName && !this.#sendsWhole) return
    this.#ofBody = this.#makeIntake()
    this.#ofBody.write(start)
  }

  /** Drops what the message is not, once both headers are complete. */
  #compare(body: Intake): void {
    if (body.header === undefined || this.#ofParts.header === undefined) return
    this.#isCompared = true
    const isSame = hasFields(body.header, this.#ofParts.header)
    if (isSame && this.#sendsWhole) {
      this.#ofParts.close()
      this.#isBodyAlone = true
    } else if (!isSame && !this.#sendsWhole) {
      body.close()
      this.#ofBody = undefined
    }
  }
}

/** Returns a field's value with LF for each CRLF, as MTAs fold with either, and without the line end that some send. */
function inLf(value: Buffer): Buffer {
  if (!value.includes(CR) && value.at(-1) !== LF) return value
  const text = value.toString('latin1').replaceAll('\r\n', '\n')
  return Buffer.from(text.replace(/\n$/, ''), 'latin1')
}

/** Returns whether a header has the fields that were sent, in their order. */
function hasFields(header: Header, sent: Header): boolean {
  const { fields } = header
  if (header.hasTooManyFields || fields.length !== sent.fields.length) return false
  return fields.every((field, index) => {
    const other = sent.fields[index]!
    return isSentAs(field.name, other.name) && isSentAs(header.valueOf(field), sent.valueOf(other))
  })
}

/**
 * Returns whether an MTA may send a text, latin1, as `sent`: without blanks at both ends, or not at all if it
 * is not UTF-8.
 */
function isSentAs(text: string, sent: string): boolean {
  const bytes = Buffer.from(text, 'latin1')
  if (!isUtf8(bytes)) return text.trim() === sent.trim() || sent.trim() === ''
  const other = Buffer.from(sent, 'latin1')
  return isUtf8(other) && bytes.toString().trim() === other.toString().trim()
}

/** Returns why an MTA that rewrites the header would change a field, or undefined if it would not. */
function changedByMta(header: Header | undefined): string | undefined {
  return header?.fields.every(({ colon }) => ' \t\n'.includes(header.text[colon + 1] ?? '\n'))
    ? undefined
    : NO_BLANK
}
