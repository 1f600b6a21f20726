import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { nextTurn } from '../../lib/flow/event-loop.ts'

/**
 * Upper limits for the bytes and messages that a directory may send for one request. A request is for an
 * entry or two with three attributes. Some directories send all the attributes of an entry, including a
 * picture, and name other directories.
 */
const ANSWER_BYTES = 256 * 1024
const ANSWER_MESSAGES = 100

/** Tags of BER (X.690 8.1.2) and operations of LDAP (RFC 4511 4.2 to 4.12). */
const INTEGER = 0x02
const OCTET_STRING = 0x04
const ENUMERATED = 0x0a
const SEQUENCE = 0x30
const SET = 0x31
const BIND_REQUEST = 0x60
const BIND_RESPONSE = 0x61
const SEARCH_REQUEST = 0x63
const SEARCH_ENTRY = 0x64
const SEARCH_DONE = 0x65
const SEARCH_REFERENCE = 0x73
const EXTENDED_RESPONSE = 0x78
const CONTROLS = 0xa0
const REFERRAL = 0xa3
const SASL_CREDENTIALS = 0x87
/** The beginning of each result: its code, a name and a text (RFC 4511 4.1.9). */
const RESULT = [ENUMERATED, OCTET_STRING, OCTET_STRING]

/** The operations that answer a request. There is no answer to any other operation. */
const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [BIND_REQUEST]: [BIND_RESPONSE],
  [SEARCH_REQUEST]: [SEARCH_ENTRY, SEARCH_REFERENCE, SEARCH_DONE],
}

interface AskedOperation {
  /** The operations that answer this one. */
  readonly answers: readonly number[]
  bytes: number
  messages: number
}

/** Bytes of a tag and a length, which states how many follow. */
const HEAD_MIN = 2
/** Upper limit for the bytes of a length. No valid message has a longer one. */
const LENGTH_BYTES = 4

/**
 * A connection to a directory, which ldapts uses as a socket. Each read returns one whole message in the form
 * of RFC 4511, which answers a request that was sent. Other events are processed between two messages.
 * Anything else ends the connection with an error: the reader of ldapts calls itself for each message of a
 * read, and does not end if a length is wrong.
 */
export class MessageStream extends Duplex {
  readonly #socket: Socket
  /** The requests without a complete answer, by their ids, and the answers received for each until now. */
  readonly #questions = new Map<number, AskedOperation>()

  constructor(socket: Socket) {
    super({ readableObjectMode: true })
    this.#socket = socket
    for (const event of ['connect', 'secureConnect']) socket.once(event, () => this.emit(event))
    socket.on('error', () => {}) // reading reports it
    void this.#readAll()
  }

  /** ldapts reads this to find out whether the socket waits for `connect`. */
  get connecting(): boolean {
    return this.#socket.connecting
  }

  override _read(): void {} // a few messages a query may wait, no matter whether they are read

  override _write(request: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const { id, operation } = parseMessage(request)
    const answers = ANSWERS[operation.tag]
    if (answers) this.#questions.set(id, { answers, bytes: 0, messages: 0 })
    this.#socket.write(request, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  async #readAll(): Promise<void> {
    const cutter = new MessageCutter()
    try {
      for await (const bytes of this.#socket) {
        for (const message of cutter.cut(bytes)) {
          this.push(this.#accepted(message))
          await nextTurn()
          if (this.destroyed) return
        }
      }
      throw new Error('the connection was closed') // ldapts does not notice an end before TLS is ready
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  /** Returns the message in the form that ldapts gets. Throws an Error if it is not an answer. */
  #accepted(bytes: Buffer): Buffer {
    const { id, idElement, operation } = parseMessage(bytes)
    const { tag } = operation
    // Nothing but a Notice of Disconnection (RFC 4511 4.4.1) has no query.
    if (id === 0 && tag === EXTENDED_RESPONSE)
      throw new Error('the directory closed the connection')
    const question = this.#questions.get(id)
    if (question === undefined) throw new Error('the directory sent an unexpected answer')
    question.bytes += bytes.length
    question.messages++
    if (question.bytes > ANSWER_BYTES || question.messages > ANSWER_MESSAGES) throw tooMuch()
    if (!question.answers.includes(tag)) throw notLdap()
    checkOperation(operation)
    if (tag === BIND_RESPONSE || tag === SEARCH_DONE) this.#questions.delete(id)
    // Without the controls that may follow: none was requested, and ldapts would read them.
    const content = Buffer.concat([idElement.whole, operation.whole])
    const head = Buffer.from([SEQUENCE, 0x84, 0, 0, 0, 0])
    head.writeUInt32BE(content.length, 2)
    return Buffer.concat([head, content])
  }
}

const notLdap = () => new Error('the directory sent data that is not LDAP')
const tooMuch = () => new Error('the directory sent too much for one request')

/** Cuts a stream into messages by their lengths, in time that is linear in its bytes. */
class MessageCutter {
  /** Memory for the bytes of the next message, as far as their number is known. */
  #message = Buffer.alloc(HEAD_MIN)
  #filled = 0;

  /** Throws an Error if a message is longer than it may be, or none. */
  *cut(bytes: Buffer): Generator<Buffer> {
    for (let rest = bytes; rest.length > 0; ) {
      const copied = rest.copy(this.#message, this.#filled)
      this.#filled += copied
      rest = rest.subarray(copied)
      if (this.#filled < this.#message.length) return
      const length = lengthFrom(this.#message)
      if (length > ANSWER_BYTES) throw tooMuch()
      if (length > this.#message.length) {
        this.#message = Buffer.concat([this.#message], length)
      } else {
        yield this.#message
        this.#message = Buffer.alloc(HEAD_MIN)
        this.#filled = 0
      }
    }
  }
}

/** Returns the number of bytes in a message, or the number needed to determine it. */
function lengthFrom(bytes: Buffer): number {
  if (bytes[0] !== SEQUENCE) throw notLdap()
  const { begin, end } = boundsAt(bytes, 0)
  return end ?? begin
}

/**
 * Returns the bounds of the content of the element at an offset; no end if the bytes of its length are
 * incomplete. Throws an Error if there is no definite length (RFC 4511 5.1).
 */
function boundsAt(bytes: Buffer, at: number): { begin: number; end?: number } {
  const first = bytes[at + 1]
  if (first === undefined) throw notLdap()
  const begin = at + HEAD_MIN
  if (first < 0x80) return { begin, end: begin + first }
  const count = first & 0x7f
  if (count === 0 || count > LENGTH_BYTES) throw notLdap()
  if (begin + count > bytes.length) return { begin: begin + count }
  return { begin: begin + count, end: begin + count + bytes.readUIntBE(begin, count) }
}

interface BerElement {
  readonly tag: number
  readonly content: Buffer
  /** With tag and length. */
  readonly whole: Buffer
}

/** Returns consecutive elements. Throws an Error if bytes are left or missing. */
function elementsOf(bytes: Buffer): BerElement[] {
  const elements: BerElement[] = []
  for (let at = 0; at < bytes.length; ) {
    const { begin, end } = boundsAt(bytes, at)
    if (end === undefined || end > bytes.length) throw notLdap()
    const whole = bytes.subarray(at, end)
    elements.push({ tag: bytes[at]!, content: bytes.subarray(begin, end), whole })
    at = end
  }
  return elements
}

/** The id and the operation of a message (RFC 4511 4.1.1). */
function parseMessage(bytes: Buffer) {
  const [outer] = elementsOf(bytes)
  const [idElement, operation, controls, ...more] = outer ? elementsOf(outer.content) : []
  if (idElement === undefined || operation === undefined || more.length > 0) throw notLdap()
  if (controls !== undefined && controls.tag !== CONTROLS) throw notLdap()
  const { tag, content } = idElement
  if (tag !== INTEGER || content.length < 1 || content.length > LENGTH_BYTES) throw notLdap()
  return { id: content.readIntBE(0, content.length), idElement, operation }
}

/** Throws an Error if an answer has not the form of its operation. */
function checkOperation({ tag, content }: BerElement): void {
  const elements = elementsOf(content)
  if (tag === SEARCH_ENTRY) {
    const [, attributes] = requireTags(elements, [OCTET_STRING, SEQUENCE])
    for (const attribute of elementsOf(attributes!.content)) checkAttribute(attribute)
  } else if (tag === SEARCH_REFERENCE) {
    requireAll(elements, [OCTET_STRING])
  } else {
    const [code] = requireTags(elements.slice(0, RESULT.length), RESULT)
    if (code!.content.length === 0) throw notLdap() // X.690 8.4. ldapts would read it as success
    requireAll(elements.slice(RESULT.length), [REFERRAL, SASL_CREDENTIALS])
  }
}

function checkAttribute({ tag, content }: BerElement): void {
  if (tag !== SEQUENCE) throw notLdap()
  const [, values] = requireTags(elementsOf(content), [OCTET_STRING, SET])
  requireAll(elementsOf(values!.content), [OCTET_STRING])
}

function requireTags(elements: BerElement[], tags: readonly number[]): BerElement[] {
  const fit = elements.length === tags.length && elements.every(({ tag }, i) => tag === tags[i])
  if (!fit) throw notLdap()
  return elements
}

function requireAll(elements: readonly BerElement[], tags: readonly number[]): void {
  if (!elements.every(({ tag }) => tags.includes(tag))) throw notLdap()
}
