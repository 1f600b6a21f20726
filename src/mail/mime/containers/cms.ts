import { type MailBytes, shortText } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { inflated, type StreamEnd } from '../decoders/inflate.ts'
import { Store } from '../storage/store.ts'
import type { Container, Opening } from './container.ts'

/** The content of smime.p7m in S/MIME: the containers of CMS (RFC 5652), in any encoding of BER. */
type Cms =
  /** The content is that of this SEQUENCE among those of the container. */
  { readonly sequence: number; readonly isCompressed?: true } | 'plain' | 'encrypted'

/** By the object identifier of the container, in hex. */
const cmsByIdentifier: ReadonlyMap<string, Cms> = new Map<string, Cms>([
  ['2a864886f70d010701', 'plain'], // data
  ['2a864886f70d010702', { sequence: 1 }], // signedData
  ['2a864886f70d010705', { sequence: 2 }], // digestedData
  ['2a864886f70d0109100102', { sequence: 2 }], // authData
  ['2a864886f70d0109100109', { sequence: 2, isCompressed: true }], // compressedData (RFC 3274)
  ['2a864886f70d010703', 'encrypted'], // envelopedData
  ['2a864886f70d010704', 'encrypted'], // signedAndEnvelopedData (PKCS #7)
  ['2a864886f70d010706', 'encrypted'], // encryptedData
  ['2a864886f70d0109100117', 'encrypted'], // authEnvelopedData (RFC 5083)
])
const IDENTIFIER_MAX = 32

/** Upper limit for nested containers. CMS defines about eight. */
const CMS_DEPTH_MAX = 32

const OBJECT_IDENTIFIER = 6
const SEQUENCE = 16

/**
 * Yields the content of a CMS container in one piece: a signer may split it into many pieces, in which no
 * scanner could read base64. The bytes after the container are yielded as well. Returns whether the bytes are
 * a container. Throws Unreadable if they are one that cannot be read to its end.
 */
function* open(source: MailBytes, { work, emit }: Opening): Steps<boolean> {
  const store = new Store(work.pool)
  try {
    const reader = new BerReader(source, store, work)
    const container = reader.container()
    if (container === undefined) return false
    if (container === 'encrypted') {
      work.onOdd?.('encrypted')
      return true
    }
    const { content, isWhole } = yield* reader.content(container)
    if (container !== 'plain' && container.isCompressed) {
      const isBroken = yield* inflated(content, 'zlib', work, (bytes, streamEnd) =>
        emitInflated(bytes, streamEnd, emit),
      )
      if (isBroken && (yield* isZlib(source, content, work))) throw unreadable()
      // Content that is compressed in another way is like encrypted content.
      if (isBroken) work.onOdd?.('encrypted')
    } else yield* emit({ bytes: content })
    if (!isWhole) throw unreadable()
    const end = yield* reader.end()
    if (end < source.length) yield* emit({ bytes: source.subarray(end) })
    return true
  } finally {
    store.close()
  }
}

/** Returns whether the stream was broken. */
function* emitInflated(
  bytes: MailBytes,
  { isBroken }: StreamEnd,
  emit: Opening['emit'],
): Steps<boolean> {
  yield* emit({ bytes })
  return isBroken
}

export const cms: Container = { kind: 'cms', declaredAs: 'smime', mustBeRead: true, open }

/** The only algorithm that RFC 3274 defines. */
const ZLIB = Buffer.from('060b2a864886f70d0109100308', 'hex')
/** Upper limit for the bytes in front of the algorithm: lengths may be padded. */
const ZLIB_FRONT = 1024

/** Returns whether the container declares zlib, or its content begins as zlib's (RFC 1950 2.2). */
function* isZlib(source: MailBytes, content: MailBytes, work: Work): Steps<boolean> {
  const { 0: first = 0, 1: second = 0 } = content
  const begins = (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0
  return begins || (yield* work.includes(source.subarray(0, ZLIB_FRONT), [ZLIB]))
}

function unreadable(): Unreadable {
  return new Unreadable('S/MIME (CMS)')
}

/** The front of an element (X.690 8.1). */
interface Element {
  readonly isUniversal: boolean
  readonly tag: number
  readonly isConstructed: boolean
  /** Infinity if the length is indefinite. */
  readonly length: number
}

/** The content of a container, as far as it is there. */
interface CmsContent {
  readonly content: MailBytes
  readonly isWhole: boolean
}

/** Reads elements of BER, in the order of their bytes, and keeps those that are open. */
class BerReader {
  readonly #source: MailBytes
  /** Where a content in several pieces is joined. */
  readonly #store: Store
  readonly #work: Work
  #at = 0
  /** The end of each open element, or Infinity if two zero bytes end it. */
  readonly #ends: number[] = []

  constructor(source: MailBytes, store: Store, work: Work) {
    this.#source = source
    this.#store = store
    this.#work = work
  }

  /** Reads the beginning of a container. Returns undefined if the bytes are not one. */
  container(): Cms | undefined {
    const outer = this.#element()
    if (!isSequence(outer)) return undefined
    this.#enter(outer)
    const type = this.#element()
    if (!type?.isUniversal || type.tag !== OBJECT_IDENTIFIER || type.isConstructed) return undefined
    if (type.length > IDENTIFIER_MAX) return undefined
    const from = this.#at
    this.#at += type.length
    return cmsByIdentifier.get(shortText(this.#source, from, type.length, 'hex'))
  }

  /** Returns the content of a container. */
  *content(container: Cms): Steps<CmsContent> {
    this.#enter(yield* this.#requireElement())
    if (typeof container === 'object') {
      this.#enter(yield* this.#requireElement())
      for (let sequences = 0; ; ) {
        const child = yield* this.#requireElement()
        if (isSequence(child) && ++sequences === container.sequence) {
          this.#enter(child)
          break
        }
        yield* this.#skip(child)
      }
      yield* this.#skip(yield* this.#requireElement()) // the type of the content
      const explicit = yield* this.#child()
      if (explicit === undefined) return NO_CONTENT // a signature of something elsewhere
      this.#enter(explicit)
    }
    return yield* this.#octets(yield* this.#requireElement())
  }

  /** Returns where the container ends. */
  *end(): Steps<number> {
    while (this.#ends.length > 0) {
      const child = yield* this.#child()
      if (child) yield* this.#skip(child)
    }
    return this.#at
  }

  /** Reads a string of octets, in one piece or in pieces of pieces. */
  *#octets(string: Element): Steps<CmsContent> {
    if (!string.isConstructed) return this.#piece(string)
    const depth = this.#ends.length
    this.#enter(string)
    while (this.#ends.length > depth) {
      const child = yield* this.#child()
      if (child?.isConstructed) this.#enter(child)
      else if (child) {
        const { content, isWhole } = this.#piece(child)
        yield* this.#work.copy(content, this.#store)
        if (!isWhole) return { content: this.#store.finish(), isWhole }
      }
    }
    return { content: this.#store.finish(), isWhole: true }
  }

  #piece({ length }: Element): CmsContent {
    const content = this.#source.subarray(this.#at, this.#at + length)
    this.#at += content.length
    return { content, isWhole: content.length === length }
  }

  /** Skips an element: by its length, or else with all that is in it. */
  *#skip(element: Element): Steps {
    if (element.length !== Number.POSITIVE_INFINITY) {
      if (element.length > this.#source.length - this.#at) throw unreadable()
      this.#at += element.length
      return
    }
    const depth = this.#ends.length
    this.#enter(element)
    while (this.#ends.length > depth) {
      const child = yield* this.#child()
      if (child?.length === Number.POSITIVE_INFINITY) this.#enter(child)
      else if (child) yield* this.#skip(child)
    }
  }

  #enter({ isConstructed, length }: Element): void {
    if (!isConstructed || this.#ends.length === CMS_DEPTH_MAX) throw unreadable()
    this.#ends.push(this.#at + length)
  }

  /** Reads the beginning of the next element inside the open one; closes that one at its end. */
  *#child(): Steps<Element | undefined> {
    const end = this.#ends.at(-1)!
    const element = this.#at < end ? yield* this.#requireElement() : undefined
    const isZero = element?.isUniversal && element.tag === 0 && element.length === 0
    if (element && !(isZero && end === Number.POSITIVE_INFINITY)) return element
    this.#ends.pop()
    return undefined
  }

  *#requireElement(): Steps<Element> {
    yield* this.#work.countUnits(costs.element)
    const element = this.#element()
    if (element === undefined) throw unreadable()
    return element
  }

  #element(): Element | undefined {
    const first = this.#byte()
    if (first < 0) return undefined
    const tag = this.#tag(first & 0x1f)
    const length = this.#length()
    if (tag === undefined || length === undefined) return undefined
    return { isUniversal: first >> 6 === 0, tag, isConstructed: (first & 0x20) !== 0, length }
  }

  /** Returns the next byte, or -1 at the end. */
  #byte(): number {
    return this.#source[this.#at++] ?? -1
  }

  /** Reads the tag (X.690 8.1.2): in the first byte, or in those after it. */
  #tag(short: number): number | undefined {
    if (short !== 0x1f) return short
    let tag = 0
    for (;;) {
      const byte = this.#byte()
      tag = tag * 128 + (byte & 0x7f)
      if (byte < 0 || tag > 0xffff) return undefined
      if (byte < 0x80) return tag
    }
  }

  /** Reads the length (X.690 8.1.3), in as many bytes as it may have. */
  #length(): number | undefined {
    const first = this.#byte()
    if (first < 0x80) return first < 0 ? undefined : first
    if (first === 0x80) return Number.POSITIVE_INFINITY
    let length = 0
    for (let count = first & 0x7f; count > 0; count--) {
      const byte = this.#byte()
      length = length * 256 + byte
      if (byte < 0 || length > Number.MAX_SAFE_INTEGER) return undefined
    }
    return length
  }
}

const NO_CONTENT: CmsContent = { content: Buffer.alloc(0), isWhole: true }

function isSequence(element: Element | undefined): element is Element {
  return element?.tag === SEQUENCE && element.isUniversal && element.isConstructed
}
