import type { Bytes, MailBytes } from '../message/bytes.ts'
import type { Header } from '../message/header-block.ts'
import { LimitExceeded } from './budget/limits.ts'
import type { Steps } from './budget/work.ts'
import { decoded } from './decoders/decoder.ts'
import { transferEncodings } from './headers/encodings.ts'
import { readNames } from './headers/names.ts'
import type { PartHeader } from './headers/part-header.ts'
import { decodeLeaf } from './leaves/decode-leaf.ts'
import { EmbeddedData } from './leaves/embedded-data.ts'
import { inFiles, inTexts } from './leaves/embedded-formats.ts'
import { type ContentsOptions, Extraction } from './leaves/extraction.ts'
import { beginsAsMail, MAIL_START } from './leaves/mail-starts.ts'
import { openContent, openEmbeddedIn } from './leaves/open-content.ts'
import { Way } from './quirks/way.ts'
import { readStructure } from './read-structure.ts'
import { NAMELESS, type PartNames } from './reports/part-names.ts'
import type { Leaf } from './structure/leaf.ts'
import type { MailStructure } from './structure/mail-structure.ts'

export type { ContentsOptions } from './leaves/extraction.ts'

/**
 * Yields each content once that any mail program might extract from a message. All work is charged to one
 * budget. If the budget is exceeded, the last step is `unread`, as is the rest. A caller that stops
 * early must call `return`, which frees memory and files.
 *
 * Ordinary mail is parsed once, and other mail is carved (carver/). Each leaf part is decoded by the
 * standards, and in each other way in which some program decodes it. The text of the message itself is omitted if it
 * appears unchanged in the message (save-content.ts). The structure comes first, so that the depth of the mail and
 * its oddities are known before the first content, except those of encoded messages in it.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const extraction = Extraction.of(message, options, { openMail, openContent })
  try {
    yield* options.isFile
      ? openContent(message, extraction) // its own bytes are not emitted
      : openMail(message, extraction, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    yield* extraction.work.reportDepth() // deep mail may cost too much work before all of its structure is read
    extraction.work.leaveUnread(error.message)
  }
  if (extraction.work.unread !== undefined) yield { kind: 'unread', ...extraction.work.unread }
}

function openMail(source: Bytes, extraction: Extraction, given?: Header): Steps<boolean> {
  return new MailContents(source, extraction, given).emit()
}

/** The contents of one mail. */
class MailContents {
  readonly #source: Bytes
  readonly #extraction: Extraction
  /** Its header, if the caller has it. */
  readonly #given: Header | undefined
  /** The names in the headers; empty without a listener. */
  readonly #parts = new Map<PartHeader, PartNames>()

  constructor(source: Bytes, extraction: Extraction, given?: Header) {
    this.#source = source
    this.#extraction = extraction
    this.#given = given
  }

  /** Returns whether no file would go on in what follows the mail. */
  *emit(): Steps<boolean> {
    const extraction = this.#extraction
    const mail = yield* extraction.work.gather(this.#source)
    const structure = yield* this.#readStructure(mail)
    const hasOpenFile = structure.leaves.some((leaf) => leaf.to === mail.length && mayGoOn(leaf))
    if (extraction.options.readsDepthAlone) {
      yield* this.#emitLeaves(structure)
      return !hasOpenFile
    }
    const embedded = yield* EmbeddedData.of(this.#source, inTexts, extraction.work)
    yield* this.#emitLeaves(structure)
    const { texts } = structure
    const ranges = new Map(texts.map(({ from, to }) => [`${from} ${to}`, { from, to }]))
    for (const range of ranges.values()) yield* openEmbeddedIn(range, embedded, inTexts, extraction)
    // Data may go on past delimiters, and begin at a line among fields.
    const bodyFrom = texts.reduce((least, { from }) => Math.min(least, from), mail.length)
    const range = { from: 0, to: mail.length, bodyFrom }
    yield* openEmbeddedIn(range, embedded, inFiles, extraction)
    return !hasOpenFile && !(yield* embedded.isOpenIn(inFiles, extraction.work))
  }

  *#emitLeaves({ leaves }: MailStructure): Steps {
    const extraction = this.#extraction
    for (const leaf of leaves) {
      if (extraction.options.readsDepthAlone && !(yield* this.#encodesMail(leaf))) continue
      yield* decodeLeaf(leaf, this.#source, extraction.at({ part: this.#partOf(leaf.header) }))
    }
  }

  /** Returns whether a leaf is an encoded message, or begins like one. */
  *#encodesMail({ from, to, header, encodings }: Leaf): Steps<boolean> {
    const { work } = this.#extraction
    const start = this.#source.slice(from, Math.min(to, from + ENCODED_START))
    for (const encoding of encodings) {
      const { decoder } = transferEncodings[encoding]
      if (decoder === undefined) continue
      const begins = (text: Bytes) => beginsAsMail(text, work)
      if (header.isMessage || (yield* decoded(start, decoder, work, begins, byPieces())))
        return true
    }
    return false
  }

  /** Reads the structure of the mail. Reports its oddities, depth and names. */
  *#readStructure(mail: MailBytes): Steps<MailStructure> {
    const { layers, messages, work } = this.#extraction
    const structure = yield* readStructure(mail, messages, work, this.#given)
    if (layers === 0) for (const oddity of structure.oddities) work.onOdd?.(oddity)
    yield* work.reportDepth()
    for (const header of new Set(structure.headers)) yield* this.#readNames(header)
    return structure
  }

  /** Reads the names in a header for the listener, if there is one. */
  *#readNames(header: PartHeader): Steps {
    const extraction = this.#extraction
    const { onPart } = extraction.options
    if (onPart === undefined) return
    const { containers } = extraction.part
    const names = yield* readNames(header.fields, extraction.work, containers)
    this.#parts.set(header, names)
    yield* extraction.reportNames(names)
  }

  #partOf(header: PartHeader): PartNames {
    const { containers } = this.#extraction.part
    return this.#parts.get(header) ?? { ...NAMELESS, containers }
  }
}

/** Whether a leaf at the end of a mail is a file, and no text. (Nothing that is carved is shown to all programs.) */
function mayGoOn({ header: { isShown, type, fields }, role }: Leaf): boolean {
  const isNamed = fields.some(({ value }) => /name/i.test(value))
  if (role === 'carved') return isNamed || !/^(?:text\/(?:plain|html))?$/.test(type)
  return !isShown && (role === 'part' || role === 'own text')
}

/** The encoded bytes that are enough to see how the decoded content begins. */
const ENCODED_START = 3 * MAIL_START

/** Base64 that goes on after padding is read as several pieces. */
const byPieces = () => Way.of({ 'base64 padding': 'begins a new group of four' })
