import type { Hash } from 'node:crypto'
import { CONTENTS_MAX, mostBytesOf, Over } from './limits.ts'
import type { PartHeader } from './part-header.ts'
import type { Source } from './source.ts'
import { createMemoryPool, type MemoryPool } from './store.ts'

/** Contents of at most so many bytes are compared as they are: a digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** Contents of at most so many bytes are compared by their digest. Larger ones are not compared. */
const COMPARED_MAX = 1024 * 1024

/** Units of work between two turns of the event loop. A unit is about one byte looked at. */
const TURN = 192 * 1024
/** The most bytes that are looked at, decoded or read before the next turn is considered. */
export const PIECE = 64 * 1024
/** What a content costs besides its bytes, in units of work. */
const CONTENT_COST = 4096

/** A part of a message, by offsets of its bytes. */
export interface Place {
  readonly from: number
  readonly to: number
}

/** What a reader of mail might get out of a message. */
export interface Content {
  readonly size: number
  /** Whether scanners are to take it for a mail. */
  readonly isMail: boolean
  /** Where in the message it stands, in its encoded form. */
  readonly place: Place | undefined
  /**
   * A chunk is valid until the next one is asked for; none is once the next content was asked for.
   */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

export type Step =
  | { readonly kind: 'content'; readonly content: Content }
  /** A good moment for a turn of the event loop. */
  | { readonly kind: 'turn' }
  /** The mail exceeds a limit. This is the last step. */
  | { readonly kind: 'over'; readonly why: string }

export interface ContentsOptions {
  /**
   * Opens a file of its own for a content that does not fit into memory, for reading and writing.
   */
  readonly openFile: () => number
  readonly createHash: (algorithm: string) => Hash
  /** Is given the headers of parts and mails, as some reader sees them. */
  readonly onHeader?: (header: PartHeader) => void
  /** Is given the names of files in uuencode and yEnc. */
  readonly onName?: (name: string) => void
  /** Is told how many bytes were looked at. */
  readonly onWork?: (bytes: number) => void
}

/** What all decoding and reading of one message shares. */
export interface Work {
  readonly onWork: ((bytes: number) => void) | undefined
  readonly pool: MemoryPool
  /** Memory for decoders, of this message alone, that no decoder uses now. */
  readonly rooms: Buffer[]
  bytesLeft: number
  /** Units of work since the last turn. */
  work: number
}

/** What all readings for the contents of one message share. */
export interface Walk extends Work {
  /** Gives the contents of a mail that is nested so deep in others. */
  readonly readMail: (mail: Source, walk: Walk, depth: number) => Generator<Step, void>
  readonly options: ContentsOptions
  readonly seen: Set<string>
  /** The place in the message whose contents are being made. */
  place: Place | undefined
  count: number
}

export type WorkOptions = Pick<ContentsOptions, 'openFile' | 'onWork'>

export function newWork({ size }: Source, { openFile, onWork }: WorkOptions): Work {
  const pool = createMemoryPool(openFile)
  return { onWork, pool, rooms: [], bytesLeft: mostBytesOf(size), work: 0 }
}

export function newWalk(
  message: Source,
  options: ContentsOptions,
  readMail: Walk['readMail'],
): Walk {
  return {
    ...newWork(message, options),
    readMail,
    options,
    seen: new Set(),
    place: undefined,
    count: 0,
  }
}

/** Counts the work, and takes a turn if it is time for one. */
export function* worked(walk: Work, units: number): Generator<Step, void> {
  walk.onWork?.(units)
  walk.work += units
  if (walk.work < TURN) return
  walk.work = 0
  yield { kind: 'turn' }
}

/** Counts bytes that are decoded or given as they stand. Throws Over if there are too many. */
export function spend(walk: Work, bytes: number): void {
  walk.bytesLeft -= bytes
  if (walk.bytesLeft < 0) throw new Over('contents of too many bytes')
}

/**
 * Gives a content, unless it is empty or was given before; returns whether it did. `isCounted`: its
 * bytes were counted when they were decoded.
 */
export function* giveOne(
  source: Source,
  { isMail = false, isCounted = false },
  walk: Walk,
): Generator<Step, boolean> {
  if (source.size === 0 || isSeen(source, isMail, walk)) return false
  if (++walk.count > CONTENTS_MAX) throw new Over(`more than ${CONTENTS_MAX} contents`)
  if (!isCounted) spend(walk, source.size)
  const { size } = source
  const chunks: Content['chunks'] = (from, to) => source.chunks(from, to)
  yield { kind: 'content', content: { size, isMail, place: walk.place, chunks } }
  yield* worked(walk, CONTENT_COST + size)
  return true
}

function isSeen(source: Source, isMail: boolean, { seen, options }: Walk): boolean {
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
