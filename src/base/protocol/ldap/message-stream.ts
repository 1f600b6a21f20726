import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { nextTurn } from '../../flow/event-loop.ts'

/**
 * Upper limit for the bytes that a directory may send for one request. A request is for an entry or two with
 * three attributes. Some directories send all the attributes of an entry, including a picture, and name other
 * directories.
 */
const ANSWER_BYTES = 256 * 1024

/** Tags of BER (X.690 8.1.2) and operations of LDAP (RFC 4511 4.2 to 4.12). */
const INTEGER = 0x02
const OCTET_STRING = 0x04
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

/** The operations that answer a request. There is no answer to any other operation. */
const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [BIND_REQUEST]: [BIND_RESPONSE],
  [SEARCH_REQUEST]: [SEARCH_ENTRY, SEARCH_REFERENCE, SEARCH_DONE],
}

interface AskedOperation {
  /** The operations that answer this one. */
  readonly answers: readonly number[]
  bytes: number
}

/** Bytes of a tag and a length, which states how many follow. */
const HEAD_MIN = 2
/** Upper limit for the bytes of a length. No valid message has a longer one. */
const LENGTH_BYTES = 4

/**
 * A connection to a directory, which ldapts uses as a socket. Each read returns one whole message, which
 * answers a request that was sent, and in which each length is right. Other events are processed between two
 * messages. Anything else ends the connection with an error.
 *
 * ldapts 9.2.0 is trusted with what an answer means, and not with its lengths: it calls itself for each message
 * of a read, and does not end at a wrong length. Each check was removed alone, under 961 hostile answers: the
 * invalid ones of the tests, and valid answers with one byte changed. Without the bounds of elements, the checks of
 * entries or the removal of controls, ldapts looped or used up the memory. Without those of results and of
 * operations it read success. Elements whose check changed no outcome are left to ldapts: most tags, references
 * and referrals. To replace ldapts would take its writer, filters and errors instead.
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
    if (answers) this.#questions.set(id, { answers, bytes: 0 })
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
    if (question.bytes > ANSWER_BYTES) throw tooMuch()
    if (!question.answers.includes(tag)) throw notLdap() // any result would end any request, as success
    checkOperation(operation)
    if (tag === BIND_RESPONSE || tag === SEARCH_DONE) this.#questions.delete(id)
    // Without what may follow, such as controls: none was requested, and ldapts would loop in malformed ones.
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
  const [idElement, operation] = outer ? elementsOf(outer.content) : []
  if (idElement === undefined || operation === undefined) throw notLdap()
  const { tag, content } = idElement
  // ldapts would ignore the message, and the request would last until its timeout.
  if (tag !== INTEGER || content.length < 1 || content.length > LENGTH_BYTES) throw notLdap()
  return { id: content.readIntBE(0, content.length), idElement, operation }
}

/** Throws an Error if ldapts would not end in an answer, or would read success where there is none. */
function checkOperation({ tag, content }: BerElement): void {
  const elements = elementsOf(content)
  if (tag === SEARCH_ENTRY) {
    // Without the list, or at a length beyond it, ldapts would add attributes until memory is used up.
    const [, attributes] = requireTags(elements, [OCTET_STRING, SEQUENCE])
    for (const attribute of elementsOf(attributes!.content)) {
      // Without values of this tag, the entry would seem to lack the attribute.
      const [, values] = requireTags(elementsOf(attribute.content), [OCTET_STRING, SET])
      elementsOf(values!.content)
    }
  } else if (tag !== SEARCH_REFERENCE) {
    // ldapts would read a missing or empty code as 0, success.
    if (!elements[0]?.content.length) throw notLdap()
    // ldapts would read these as the controls of the message, and loop.
    if (elements.some((element) => element.tag === CONTROLS)) throw notLdap()
  }
}

function requireTags(elements: BerElement[], tags: readonly number[]): BerElement[] {
  const fit = elements.length === tags.length && elements.every(({ tag }, i) => tag === tags[i])
  if (!fit) throw notLdap()
  return elements
}
