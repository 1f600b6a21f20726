import type { Hash } from 'node:crypto'
import { LimitExceeded, mostBytesOf, mostContentsOf } from './limits.ts'
import type { Oddity } from './oddities.ts'
import type { PartHeader } from './part-header.ts'
import type { Source } from './source.ts'
import { createMemoryPool, type MemoryPool } from './store.ts'

/** Contents of at most this many bytes are compared as they are. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** Contents of at most this many bytes are compared by a digest. Larger ones are not compared. */
const COMPARED_MAX = 1024 * 1024

/** The units of work between two turns of the event loop. A unit is about one byte inspected. */
const TURN = 192 * 1024
/** The most bytes that are inspected, decoded or read before the next turn is considered. */
export const PIECE = 64 * 1024
/** The cost of a content besides its bytes, in units of work. */
const CONTENT_COST = 4096

/** A range of bytes of a message, by their offsets. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** A content that some reader of mail might get out of a message. */
export interface Content {
  readonly size: number
  /** Whether scanners shall take the content for a mail. */
  readonly isMail: boolean
  /** The bytes of the message in which the content stands encoded; undefined if they may hold more. */
  readonly range: ByteRange | undefined
  /**
   * Returns the bytes of the content. A chunk is valid until the next chunk, or the next content, is
   * asked for.
   */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

export type ContentStep =
  | { readonly kind: 'content'; readonly content: Content }
  /** The caller should let the event loop take a turn now. */
  | { readonly kind: 'turn' }
  /** The message is nested deeper than `maxDepth`. This step comes once. */
  | { readonly kind: 'deeper' }
  /** The mail exceeds a limit. This is the last step. */
  | { readonly kind: 'over'; readonly why: string }

export interface ContentsOptions {
  /**
   * Opens a file of its own for a content that does not fit into memory, for reading and writing.
   */
  readonly openFile: () => number
  readonly createHash: (algorithm: string) => Hash
  /** Called with each header of a part or a mail, as some reader sees it. */
  readonly onHeader?: (header: PartHeader) => void
  /**
   * The most messages or multiparts in one another (nested.ts); undefined if nobody wants to know
   * about more.
   */
  readonly maxDepth?: number
  /** Called with the name of each file in uuencode or yEnc. */
  readonly onName?: (name: string) => void
  /** Called with each oddity of the message itself, once or more; `encrypted` also of mails in it. */
  readonly onOdd?: (oddity: Oddity) => void
  /** Called with the units of work that were done since the last call. */
  readonly onWork?: (bytes: number) => void
}

/** The state that all decoding of one message shares. */
export interface Work {
  readonly onWork: ((bytes: number) => void) | undefined
  readonly pool: MemoryPool
  /** Memory for decoders of this message that no decoder uses now. */
  readonly rooms: Buffer[]
  /** How many more bytes may be decoded, or given as they stand. */
  bytesLeft: number
  /** The units of work since the last turn. */
  unitsSinceTurn: number
}

/** The state that all readings for the contents of one message share. */
export interface Decoding extends Work {
  /** Gives the contents of a mail that stands inside of `depth` encoded mails. */
  readonly readMail: (
    mail: Source,
    decoding: Decoding,
    depth: number,
  ) => Generator<ContentStep, void>
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
  /** How many contents were given, and may be. */
  count: number
  readonly most: number
}

export type WorkOptions = Pick<ContentsOptions, 'openFile' | 'onWork'>

export function newWork({ size }: Source, { openFile, onWork }: WorkOptions): Work {
  const pool = createMemoryPool(openFile)
  return { onWork, pool, rooms: [], bytesLeft: mostBytesOf(size), unitsSinceTurn: 0 }
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
    count: 0,
    most: mostContentsOf(message.size),
  }
}

/** Counts units of work, and asks for a turn of the event loop if it is time for one. */
export function* countWork(decoding: Work, units: number): Generator<ContentStep, void> {
  decoding.onWork?.(units)
  decoding.unitsSinceTurn += units
  if (decoding.unitsSinceTurn < TURN) return
  decoding.unitsSinceTurn = 0
  yield { kind: 'turn' }
}

/** Counts bytes that are decoded, or given as they stand. Throws LimitExceeded if they are too many. */
export function countBytes(decoding: Work, bytes: number): void {
  decoding.bytesLeft -= bytes
  if (decoding.bytesLeft < 0) throw new LimitExceeded('contents of too many bytes')
}

/**
 * Gives a content, unless it is empty or was given before. Returns whether it was given.
 * `isCounted` says that its bytes were counted when they were decoded.
 */
export function* giveContent(
  source: Source,
  { isMail = false, isCounted = false },
  decoding: Decoding,
): Generator<ContentStep, boolean> {
  if (source.size === 0 || wasGiven(source, isMail, decoding)) return false
  if (++decoding.count > decoding.most)
    throw new LimitExceeded(`more than ${decoding.most} contents`)
  if (!isCounted) countBytes(decoding, source.size)
  const { size } = source
  const chunks: Content['chunks'] = (from, to) => source.chunks(from, to)
  yield { kind: 'content', content: { size, isMail, range: decoding.range, chunks } }
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
