import type { Hash } from 'node:crypto'
import type { PartHeader } from '../headers/part-header.ts'
import { LimitExceeded, mostContentsOf } from '../shared/limits.ts'
import type { Source } from '../shared/source.ts'
import {
  type ByteRange,
  type Content,
  countBytes,
  countWork,
  newWork,
  type Steps,
  type Work,
  type WorkOptions,
} from '../shared/work.ts'

/** Contents of at most this many bytes are compared as they are. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** Contents of at most this many bytes are compared by a digest. Larger ones are not compared. */
const COMPARED_MAX = 1024 * 1024

/** The cost of a content besides its bytes, in units of work. */
const CONTENT_COST = 4096

export interface ContentsOptions extends WorkOptions {
  readonly createHash: (algorithm: string) => Hash
  /** Called with each header of a part or a mail, as some reader sees it. */
  readonly onHeader?: (header: PartHeader) => void
  /**
   * The most messages or multiparts in one another (nested.ts); undefined if nobody wants to know
   * about more.
   */
  readonly maxDepth?: number
  /** Called with each content that was given before, and so is not given again. */
  readonly onCopy?: (copy: Content) => void
  /** Called with the name of each file in uuencode or yEnc. */
  readonly onName?: (name: string) => void
}

/** The state that all readings for the contents of one message share. */
export interface Decoding extends Work {
  /** Gives the contents of a mail. */
  readonly readMail: (mail: Source, decoding: Decoding) => Steps
  readonly options: ContentsOptions
  /** The digests of the contents that were given. Small contents stand there as they are. */
  readonly given: Set<string>
  /**
   * Whether S/MIME or OpenPGP was read to its end in this leaf. Then it need not be readable in the
   * other ways of decoding the leaf.
   */
  hasOpened: boolean
  /** The bytes of the message whose contents are given now. */
  range: ByteRange | undefined
  /** How many encoded mails and containers stand around what is decoded now. */
  depth: number
  /** How many contents were given, and may be. */
  count: number
  readonly most: number
}

export function newDecoding(
  message: Source,
  options: ContentsOptions,
  readMail: Decoding['readMail'],
): Decoding {
  return {
    ...newWork(message, options),
    readMail,
    options,
    given: new Set(),
    hasOpened: false,
    range: undefined,
    depth: 0,
    count: 0,
    most: mostContentsOf(message.size),
  }
}

/**
 * Gives a content, unless it is empty or was given before. Returns whether it was given.
 * `isCounted` says that its bytes were counted when they were decoded.
 */
export function* giveContent(
  source: Source,
  { isMail = false, isCounted = false },
  decoding: Decoding,
): Steps<boolean> {
  if (source.size === 0) return false
  const { size } = source
  const chunks: Content['chunks'] = (from, to) => source.chunks(from, to)
  const content: Content = { size, isMail, range: decoding.range, chunks }
  if (wasGiven(source, isMail, decoding)) {
    decoding.options.onCopy?.(content)
    return false
  }
  if (++decoding.count > decoding.most)
    throw new LimitExceeded(`more than ${decoding.most} contents`)
  if (!isCounted) countBytes(decoding, size)
  yield { kind: 'content', content }
  yield* countWork(decoding, CONTENT_COST + size)
  return true
}

function wasGiven(source: Source, isMail: boolean, { given: seen, options }: Decoding): boolean {
  if (source.size > COMPARED_MAX) return false
  const bytes = source.size <= COMPARED_WHOLE_MAX ? textOf(source) : digestOf(source, options)
  const key = isMail ? `mail ${bytes}` : bytes
  if (seen.has(key)) return true
  seen.add(key)
  return false
}

function textOf(source: Source): string {
  let text = '='
  for (const chunk of source.chunks()) text += chunk.toString('latin1')
  return text
}

function digestOf(source: Source, { createHash }: ContentsOptions): string {
  const hash = createHash('sha256')
  for (const chunk of source.chunks()) hash.update(chunk)
  return hash.digest('hex')
}
