import type { Bytes } from '../message/bytes.ts'
import type { PartHeader } from './headers/part-header.ts'
import { holdsCodedData } from './leaves/content-checks.ts'
import { type ContentsOptions, Decoding } from './leaves/decoding.ts'
import { giveLeaf } from './leaves/leaf-contents.ts'
import { aroundMail } from './reader/depth.ts'
import type { Leaf, Reading, SeenHeader } from './reader/reading.ts'
import { MailReadings } from './reader/readings.ts'
import { LimitExceeded } from './shared/limits.ts'
import type { KnownHeader, Steps } from './shared/work.ts'
import { codedKinds, kindsInFiles } from './structure/coded-data.ts'

export type { ContentsOptions } from './leaves/decoding.ts'

/**
 * Gives the contents that any reader of mail might get out of a message, each content once. The message is
 * read once for each kind of reader (reader/habits.ts). Each leaf is decoded as the standards say, and in each
 * other way in which some reader decodes it. The text of the mail itself is left out if it stands in the
 * message as it is (saved-forms.ts). The same readings tell how deep the mail is nested, and what is odd about
 * it. A caller that stops early must call `return`, which frees memory and files.
 *
 * All is done by one budget. If that is not enough, the last step is `over`: what is left is unread.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const decoding = new Decoding(message, options, (mail) => readMail(mail, decoding))
  try {
    yield* readMail(message, decoding, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    decoding.leaveUnread(error.message)
  }
  if (decoding.unread !== undefined) yield { kind: 'over', why: decoding.unread }
}

function readMail(source: Bytes, decoding: Decoding, header?: KnownHeader): Steps {
  return new MailContents(source, decoding, header).give()
}

/** The contents of one mail, as all readings of it find them. */
class MailContents {
  readonly #source: Bytes
  readonly #decoding: Decoding
  readonly #readings: MailReadings
  /** The places of leaves and of texts with data that were given, with all that matters about them. */
  readonly #given = new Set<string>()
  readonly #headerIds = new Map<PartHeader, number>()
  /** Whether lines that begin encoded data stand anywhere in the mail. */
  #hasCoded = false

  constructor(source: Bytes, decoding: Decoding, known: KnownHeader | undefined) {
    this.#source = source
    this.#decoding = decoding
    this.#readings = new MailReadings(source, aroundMail(decoding.leaf.messages), { known })
  }

  *give(): Steps {
    const source = this.#source
    const decoding = this.#decoding
    this.#hasCoded = yield* holdsCodedData(source, codedKinds, decoding)
    for (let reading = this.#readings.next(); reading; reading = this.#readings.next()) {
      for (const units of reading.read()) {
        yield* decoding.countUnits(units)
        yield* this.#noteDepth(reading)
        yield* this.#giveFound(reading)
      }
      if (reading.habits.isCommon) yield* this.#endFirst(reading)
    }
    if (this.#readings.unread !== undefined) decoding.leaveUnread(this.#readings.unread)
    if (this.#hasCoded) yield* this.#giveCoded(0, source.size, kindsInFiles)
  }

  /** Does what is done once, when the common reading has ended. */
  *#endFirst({ habits }: Reading): Steps {
    const { onOdd, depth } = this.#decoding
    if (depth === 0) for (const oddity of habits.oddities) onOdd?.(oddity)
    for (const units of this.#readings.searchAll()) yield* this.#decoding.countUnits(units)
  }

  *#noteDepth({ deepest }: Reading): Steps {
    const { maxDepth } = this.#decoding.options
    if (maxDepth === undefined || deepest <= maxDepth || this.#decoding.isTooDeep) return
    this.#decoding.isTooDeep = true
    yield { kind: 'deeper' }
  }

  *#giveFound(reading: Reading): Steps {
    for (const found of reading.takeFound()) {
      if ('seen' in found) yield* this.#tell(found)
      else yield* this.#giveOnce(found)
    }
  }

  /** Tells a header to those who listen, once. */
  *#tell({ seen, isSeenByAll }: SeenHeader): Steps {
    const decoding = this.#decoding
    if (!this.#headerIds.has(seen)) {
      this.#idOf(seen)
      decoding.postpone(decoding.options.onHeader?.(seen))
      yield* decoding.doPostponed()
    }
    if (!isSeenByAll || decoding.depth > 0) return
    for (const oddity of seen.oddities) decoding.onOdd?.(oddity)
  }

  *#giveOnce(leaf: Leaf): Steps {
    const { from, to, header, encodings, isInHeader } = leaf
    const key = `${from} ${to} ${this.#idOf(header)} ${isInHeader} ${encodings}`
    if (this.#given.has(key)) return
    this.#given.add(key)
    yield* giveLeaf(leaf, this.#source, this.#decoding)
    if (this.#hasCoded) yield* this.#giveCoded(from, to, codedKinds)
  }

  /** Gives the data that begins in a text by lines that programs know. */
  *#giveCoded(from: number, to: number, kinds: typeof codedKinds): Steps {
    const decoding = this.#decoding
    const text = this.#source.slice(from, to)
    const key = `coded ${from} ${to} ${kinds.size}`
    if (this.#given.has(key)) return
    this.#given.add(key)
    if (!(yield* holdsCodedData(text, kinds, decoding))) return
    decoding.leaf.hasOpened = false
    yield* decoding.giveCoded(text, kinds)
  }

  #idOf(header: PartHeader): number {
    const known = this.#headerIds.get(header)
    if (known !== undefined) return known
    this.#headerIds.set(header, this.#headerIds.size)
    return this.#headerIds.size - 1
  }
}
