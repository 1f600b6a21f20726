import type { Bytes } from '../message/bytes.ts'
import { type ContentsOptions, Decoding } from './leaves/decoding.ts'
import { giveLeaf } from './leaves/leaf-contents.ts'
import { DepthSearch } from './nested.ts'
import { LimitExceeded } from './shared/limits.ts'
import { type KnownHeader, LINES_PIECE, type Steps } from './shared/work.ts'
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
 * The message is read once, by one budget. If that is not enough, the last step is `over`: what is left is
 * unread.
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

/**
 * Gives the contents of a mail in the order of their ends. The source is read at two places at a time, so
 * two iterators over its chunks may not share memory.
 */
function readMail(source: Bytes, decoding: Decoding, header?: KnownHeader): Steps {
  return new ContentReading(source, decoding).read(header)
}

/** The reading of a mail for its contents. */
class ContentReading {
  readonly #source: Bytes
  readonly #decoding: Decoding
  readonly #reading: MailReading
  readonly #search: DepthSearch | undefined
  /** What has ended, and was not given yet. */
  #found: (Leaf | CodedText)[] = []

  constructor(source: Bytes, decoding: Decoding) {
    this.#source = source
    this.#decoding = decoding
    const { maxDepth } = decoding.options
    const onOdd = decoding.depth === 0 ? decoding.onOdd : undefined
    this.#reading = new MailReading(
      {
        header: (header) => decoding.postpone(decoding.options.onHeader?.(header)),
        odd: (oddity) => onOdd?.(oddity),
        unread: (why) => decoding.leaveUnread(why),
        leaf: (leaf) => this.#found.push(leaf),
        coded: (coded) => this.#found.push(coded),
      },
      { around: aroundMail(decoding.leaf.messages) },
    )
    this.#search = maxDepth === undefined ? undefined : new DepthSearch(maxDepth, decoding)
  }

  *read(header?: KnownHeader): Steps {
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
  }

  *#give(): Steps {
    const source = this.#source
    const decoding = this.#decoding
    const search = this.#search
    const ready = this.#found
    this.#found = []
    yield* decoding.doPostponed()
    if (search) yield* this.#sayIfDeeper(search)
    for (const content of ready) {
      if (!('header' in content)) {
        if (content.from < content.to) yield* giveCodedText(content, source, decoding)
        continue
      }
      if (search && isContainer(content)) {
        yield* search.readEncoded(content, source)
        yield* this.#sayIfDeeper(search)
      }
      yield* giveLeaf(content, source, this.#reading, decoding)
    }
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

/** Whether the leaf is that of a multipart or message, which some readers decode as a whole. */
function isContainer({ header: { multipart, message } }: Leaf): boolean {
  return multipart !== 'no' || message !== 'no'
}
