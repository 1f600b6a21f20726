import type { Bytes } from '../message/bytes.ts'
import type { KnownHeader } from '../message/message.ts'
import { LimitExceeded, limits } from './budget/limits.ts'
import { type Steps, Work, type WorkOptions } from './budget/work.ts'
import { type Decoder, decoded } from './decoders/decoder.ts'
import { transferEncodings } from './headers/encodings.ts'
import type { ContentsOptions } from './leaves/extraction.ts'
import { beginsAsMail, MAIL_START } from './leaves/mail-starts.ts'
import { Way } from './quirks/way.ts'
import { readStructure } from './read-structure.ts'
import type { Leaf } from './structure/leaf.ts'

/** The encoded bytes that are enough to see how the decoded content begins. */
const ENCODED_START = 3 * MAIL_START

/**
 * Returns whether more than `limit` messages are nested in one another, or more than `limit` multiparts in
 * one message, encoded ones included (structure/leaf.ts). The steps are turns of the
 * event loop. The last step is `unread` if a limit was exceeded before the answer was known.
 */
export function* isNestedDeeper(
  message: Bytes,
  limit: number,
  options: WorkOptions & Pick<ContentsOptions, 'createHash'>,
): Steps<boolean> {
  const work = new Work(message, options)
  const search = new DepthSearch(limit, work, options.createHash)
  try {
    yield* search.read(message, 0, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    work.leaveUnread(error.message)
  }
  if (!search.isDeeper && work.unread !== undefined) yield { kind: 'unread', reason: work.unread }
  return search.isDeeper
}

/** The search for the depth of a message, in all messages inside one another. */
class DepthSearch {
  readonly #limit: number
  readonly #work: Work
  readonly #createHash: ContentsOptions['createHash']
  /** The encoded messages that were read, each by its digest and the number of messages around it. */
  readonly #read = new Set<string>()
  /** Whether the message is too deep, so that nothing more has to be read. */
  isDeeper = false

  constructor(limit: number, work: Work, createHash: ContentsOptions['createHash']) {
    this.#limit = limit
    this.#work = work
    this.#createHash = createHash
  }

  /** Reads a mail inside of `messages` others. */
  *read(source: Bytes, messages: number, known?: KnownHeader): Steps {
    if (messages > limits.encodedMessagesForDepth) this.isDeeper = true
    const mail = yield* this.#work.gather(source)
    const { deepest, leaves } = yield* readStructure(mail, messages, this.#work, known)
    if (deepest > this.#limit) this.isDeeper = true
    const read = new Set<string>()
    for (const leaf of leaves) {
      const key = `${leaf.from} ${leaf.to} ${leaf.encodings}`
      if (this.isDeeper || read.has(key)) continue
      read.add(key)
      yield* this.#readEncoded(leaf, source)
    }
  }

  /** Reads the messages that a leaf part encodes, if it is a message, or begins like one. */
  *#readEncoded({ from, to, header, encodings, depth }: Leaf, source: Bytes): Steps {
    const part = source.slice(from, to)
    for (const encoding of encodings) {
      const { decoder } = transferEncodings[encoding]
      if (decoder === undefined || this.isDeeper) continue
      if (!header.isMessage && !(yield* beginsMail(part, decoder, this.#work))) continue
      const read = (mail: Bytes) => this.#readOnce(mail, depth.messages + 1)
      yield* decoded(part, decoder, this.#work, read, byPieces())
    }
  }

  *#readOnce(mail: Bytes, messages: number): Steps {
    const hash = this.#createHash('sha256')
    for (const chunk of mail.chunks()) {
      hash.update(chunk)
      yield* this.#work.countUnits(chunk.length)
    }
    const key = `${messages} ${hash.digest('binary')}`
    if (this.#read.has(key)) return
    this.#read.add(key)
    yield* this.read(mail, messages)
  }
}

/** Base64 that goes on after padding is read as several pieces. */
const byPieces = () => Way.of({ 'base64 padding': 'begins a new group of four' })

function* beginsMail(part: Bytes, decoder: Decoder, work: Work): Steps<boolean> {
  const start = part.slice(0, Math.min(part.size, ENCODED_START))
  return yield* decoded(start, decoder, work, (text) => looksLikeMail(text, work), byPieces())
}

function* looksLikeMail(text: Bytes, work: Work): Steps<boolean> {
  yield* work.countUnits(MAIL_START)
  return beginsAsMail(text)
}
