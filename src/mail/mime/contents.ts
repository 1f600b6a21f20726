import { Bytes } from '../message/bytes.ts'
import { Base64Decoder } from './decoders/base64.ts'
import { makerOf } from './decoders/decoder.ts'
import { plainName } from './headers/fields.ts'
import type { PartHeader } from './headers/part-header.ts'
import { type ContentsOptions, Decoding } from './leaves/decoding.ts'
import { giveLeafPlainly, giveLeafThoroughly } from './leaves/leaf-contents.ts'
import { DepthSearch } from './nested.ts'
import { budgetOf, LimitExceeded, limits } from './shared/limits.ts'
import { type KnownHeader, LINES_PIECE, type Steps, type WaitingPart } from './shared/work.ts'
import { aroundMail } from './structure/nesting.ts'
import type { CodedText, Leaf } from './structure/open-contents.ts'
import { MailReading } from './structure/reading.ts'

export type { ContentsOptions } from './leaves/decoding.ts'

/**
 * Gives the contents that any reader of mail might get out of a message, each content once. Each leaf
 * is decoded as the standards say, and in each other way in which some reader decodes it. The text of
 * the mail itself is left out if it stands in the message as it is (saved-forms.ts). The same reading
 * tells how deep the mail is nested, and what is odd about it. A caller that stops early must call
 * `return`, which frees memory and files.
 *
 * What is cheap comes first, in all parts: what all readers decode alike. Then the parts of which there is
 * more are read thoroughly, each by its share of a second budget, and at last large texts that only some
 * readers decode are converted from their character sets, by a third one. If something is left unread after
 * all, the last step says so; of these conversions, which are many times the work of all else, an oddity.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const decoding = new Decoding(message, options, contentsWithin)
  try {
    const waiting = yield* cheapContents(message, decoding, options.header)
    decoding.isThorough = true
    decoding.budget = budgetOf(message.size)
    const unconverted = yield* readThoroughly(waiting, decoding)
    decoding.convertsAll = true
    decoding.budget = budgetOf(message.size)
    yield* convert(unconverted, decoding)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    decoding.leaveUnread(error.message)
  }
  if (decoding.unread !== undefined) yield { kind: 'over', why: decoding.unread }
}

/** Reads parts thoroughly. Returns those in which texts are still to be converted. */
function* readThoroughly(
  parts: readonly WaitingPart[],
  decoding: Decoding,
): Steps<readonly WaitingPart[]> {
  const unconverted = new Set<WaitingPart>()
  const waiting = parts.map((part) => ({
    size: part.size,
    read: () => readNoting(part, unconverted, decoding),
  }))
  yield* decoding.readInShares(waiting)
  return [...unconverted]
}

/** Reads a part, and notes it if texts in it are still to be converted. */
function* readNoting(part: WaitingPart, unconverted: Set<WaitingPart>, decoding: Decoding): Steps {
  decoding.hasMore = false
  yield* part.read()
  if (decoding.hasMore) unconverted.add(part)
}

/** Reads parts again, and converts the texts in them. */
function* convert(parts: readonly WaitingPart[], decoding: Decoding): Steps {
  try {
    yield* decoding.readInShares(parts)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    decoding.onOdd?.('unread')
  }
}

/** Gives the contents of a mail: all of them if the decoding is thorough, or else those that are cheap. */
function* contentsWithin(source: Bytes, decoding: Decoding): Steps {
  const waiting = yield* decoding.cheaply(cheapContents(source, decoding))
  if (decoding.isThorough) yield* decoding.readInShares(waiting)
  else decoding.hasMore ||= waiting.length > 0
}

/**
 * Gives the contents that are cheap, in the order of their ends. Returns the parts of which there is more:
 * last those in which more was found than they are themselves, so that these have what all others left. The
 * source is read at two places at a time, so two iterators over its chunks may not share memory.
 */
function cheapContents(
  source: Bytes,
  decoding: Decoding,
  header?: KnownHeader,
): Steps<readonly WaitingPart[]> {
  return new CheapReading(source, decoding).read(header)
}

/** The reading of a mail for its cheap contents. */
class CheapReading {
  readonly #source: Bytes
  readonly #decoding: Decoding
  readonly #reading: MailReading
  readonly #search: DepthSearch | undefined
  /** What has ended, and was not given yet. */
  #found: (Leaf | CodedText)[] = []
  #faces: string[] = []
  readonly #waiting: WaitingPart[] = []
  readonly #waitingLast: WaitingPart[] = []

  constructor(source: Bytes, decoding: Decoding) {
    this.#source = source
    this.#decoding = decoding
    const { maxDepth } = decoding.options
    const onOdd = decoding.depth === 0 ? decoding.onOdd : undefined
    this.#reading = new MailReading(
      {
        header: (header) => {
          decoding.postpone(decoding.options.onHeader?.(header))
          this.#faces.push(...facesIn(header))
        },
        odd: (oddity) => onOdd?.(oddity),
        unread: (why) => decoding.leaveUnread(why),
        leaf: (leaf) => this.#found.push(leaf),
        coded: (coded) => this.#found.push(coded),
      },
      { around: aroundMail(decoding.leaf.messages) },
    )
    this.#search = maxDepth === undefined ? undefined : new DepthSearch(maxDepth, decoding)
  }

  *read(header?: KnownHeader): Steps<readonly WaitingPart[]> {
    const reading = this.#reading
    if (header) reading.takeHeader(header)
    let steps = 0
    for (const chunk of this.#source.chunks()) {
      for (let at = 0; at < chunk.length; at += LINES_PIECE) {
        reading.push(chunk.subarray(at, at + LINES_PIECE))
        yield* this.#decoding.countUnits(reading.steps - steps)
        steps = reading.steps
        yield* this.#give()
      }
    }
    reading.end()
    yield* this.#give()
    return [...this.#waiting, ...this.#waitingLast]
  }

  *#give(): Steps {
    const source = this.#source
    const decoding = this.#decoding
    const search = this.#search
    const ready = this.#found
    this.#found = []
    yield* decoding.doPostponed()
    for (const face of this.#faces.splice(0)) {
      yield* decoding.giveInOneWay(makerOf(Base64Decoder), Bytes.of(Buffer.from(face, 'latin1')))
    }
    if (search) yield* this.#sayIfDeeper(search)
    for (const content of ready) {
      if (!('header' in content)) {
        this.#wait(content, () => giveCodedText(content, source, decoding))
        continue
      }
      if (search && isContainer(content)) {
        yield* search.readEncoded(content, source)
        yield* this.#sayIfDeeper(search)
      }
      const { isOdd, holdsMore } = yield* giveLeafPlainly(content, source, this.#reading, decoding)
      if (!isOdd && !holdsMore) continue
      const read = () => this.#readLeaf(content, isOdd)
      this.#wait(content, read, holdsMore ? this.#waitingLast : this.#waiting)
    }
  }

  *#readLeaf(leaf: Leaf, isOdd: boolean): Steps {
    const decoding = this.#decoding
    const left = yield* giveLeafThoroughly(leaf, isOdd, this.#source, this.#reading, decoding)
    decoding.hasMore ||= left
  }

  #wait({ from, to }: Leaf | CodedText, read: () => Steps, queue = this.#waiting): void {
    if (this.#waiting.length + this.#waitingLast.length === limits.waiting) {
      this.#decoding.leaveUnread(`more than ${limits.waiting} parts that are odd or hold others`)
    } else if (from < to) queue.push({ size: to - from, read })
  }

  *#sayIfDeeper(search: DepthSearch): Steps {
    search.note(this.#reading)
    if (this.#decoding.isTooDeep || !search.isDeeper) return
    this.#decoding.isTooDeep = true
    yield { kind: 'deeper' }
  }
}

function giveCodedText({ from, to }: CodedText, source: Bytes, decoding: Decoding): Steps {
  decoding.leaf.hasOpened = false
  return decoding.giveCoded(source.slice(from, to))
}

/** The pictures that a header holds, in base64. */
function facesIn({ fields }: PartHeader): readonly string[] {
  return fields.filter(({ name }) => plainName(name) === 'face').map(({ value }) => value)
}

/** Whether the leaf is that of a multipart or message, which some readers decode as a whole. */
function isContainer({ header: { multipart, message } }: Leaf): boolean {
  return multipart !== 'no' || message !== 'no'
}
