import type { Bytes } from '../message/bytes.ts'
import { type ContentsOptions, Decoding } from './leaves/decoding.ts'
import { giveCodedData, giveLeaf } from './leaves/leaf-contents.ts'
import { DepthSearch } from './nested.ts'
import { LimitExceeded } from './shared/limits.ts'
import { type KnownHeader, LINES_PIECE, type Steps } from './shared/work.ts'
import { aroundMail } from './structure/nesting.ts'
import type { CodedData, Leaf } from './structure/open-contents.ts'
import { MailReading } from './structure/reading.ts'

export type { ContentsOptions } from './leaves/decoding.ts'

/**
 * Gives the contents that any reader of mail might get out of a message, each content once. Each leaf
 * is decoded as the standards say, and in each other way in which some reader decodes it. The text of
 * the mail itself is left out if it stands in the message as it is (saved-forms.ts). The same reading
 * tells how deep the mail is nested, and what is odd about it. A caller that stops early must call
 * `return`, which frees memory and files.
 */
export function* contentsOf(message: Bytes, options: ContentsOptions): Steps {
  const decoding = new Decoding(message, options, contentsWithin)
  try {
    yield* contentsWithin(message, 'mail', decoding, options.header)
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    options.onOdd?.('unread')
    yield { kind: 'over', why: error.message }
  }
}

/**
 * Gives the contents of a mail, or of a text in which a mail program sees nothing but encoded data, in the
 * order of their ends. The source is read at two places at a time, so two iterators over its chunks may
 * not share memory.
 */
function* contentsWithin(
  source: Bytes,
  as: 'mail' | 'text',
  decoding: Decoding,
  header?: KnownHeader,
): Steps {
  let found: (Leaf | CodedData)[] = []
  const { maxDepth } = decoding.options
  const onOdd = decoding.depth === 0 ? decoding.onOdd : undefined
  const reading = new MailReading(
    {
      header: (header) => decoding.hear(decoding.options.onHeader?.(header)),
      name: (name) => decoding.hear(decoding.options.onName?.(name)),
      odd: (oddity) => (oddity === 'unread' ? decoding.onOdd : onOdd)?.(oddity),
      leaf: (leaf) => found.push(leaf),
      coded: (coded) => found.push(coded),
    },
    { around: aroundMail(decoding.leaf.messages), as },
  )
  const search = maxDepth === undefined ? undefined : new DepthSearch(maxDepth, decoding)
  function* give(): Steps {
    const ready = found
    found = []
    yield* decoding.listen()
    if (search) yield* sayIfDeeper(search)
    for (const content of ready) {
      if ('kind' in content) {
        yield* giveCodedData(content, source, reading, decoding)
        continue
      }
      if (search && isContainer(content)) {
        yield* search.readEncoded(content, source)
        yield* sayIfDeeper(search)
      }
      yield* giveLeaf(content, source, reading, decoding)
    }
  }
  function* sayIfDeeper(search: DepthSearch): Steps {
    search.note(reading)
    if (decoding.isTooDeep || !search.isDeeper) return
    decoding.isTooDeep = true
    yield { kind: 'deeper' }
  }
  if (header) reading.takeHeader(header)
  let steps = 0
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      reading.push(chunk.subarray(at, at + LINES_PIECE))
      yield* decoding.countUnits(reading.steps - steps)
      steps = reading.steps
      yield* give()
    }
  }
  reading.end()
  yield* give()
}

/** Whether the leaf is that of a multipart or message, which some readers decode as a whole. */
function isContainer({ header: { multipart, message } }: Leaf): boolean {
  return multipart !== 'no' || message !== 'no'
}
