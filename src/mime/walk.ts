import type { Hash } from 'node:crypto'
import { CONTENTS_MAX, mostBytesOf, Over } from './limits.ts'
import type { PartHeader } from './part-header.ts'
import type { Source } from './source.ts'
import { createMemoryPool, type MemoryPool } from './store.ts'

/** Contents that are compared as they are: for so few bytes that is less work than a digest. */
const COMPARED_WHOLE_MAX = 256
/** Contents that are compared by their digest: larger ones are not worth it. */
const COMPARED_MAX = 1024 * 1024

/** Units of work between two turns of the event loop: about a byte that is looked at, each. */
const TURN = 192 * 1024
/** Bytes that are looked at, decoded or read before it is asked whether it is time for that. */
export const PIECE = 64 * 1024
/** What a content costs beside its bytes, in the same units. */
const CONTENT_COST = 4096

/** Bytes of a message. */
export interface Place {
  readonly from: number
  readonly to: number
}

/** What a reader of mail might get out of a message. */
export interface Content {
  readonly size: number
  /** A mail by itself, which scanners are to take for one. */
  readonly isMail: boolean
  /** Where it stands in the message, as it is encoded there. */
  readonly place: Place | undefined
  /** A chunk is valid until the next one is asked for. Not to be used once the next content was asked for. */
  chunks(from?: number, to?: number): Iterable<Buffer>
}

export type Step =
  | { readonly kind: 'content'; readonly content: Content }
  /** A good moment for a turn of the event loop. */
  | { readonly kind: 'turn' }
  /** There is more than is looked at. The last step. */
  | { readonly kind: 'over'; readonly why: string }

export interface ContentsOptions {
  /** For contents that memory has no room for: a file of their own, for reading and writing. */
  readonly openFile: () => number
  readonly createHash: (algorithm: string) => Hash
  /** Headers of parts and mails, as some reader sees them. */
  readonly onHeader?: (header: PartHeader) => void
  /** Names of files in uuencode and yEnc. */
  readonly onName?: (name: string) => void
  /** Told how many bytes were looked at, for those who count. */
  readonly onWork?: (bytes: number) => void
}

/** What whoever decodes and reads parts of one message shares. */
export interface Work {
  readonly onWork: ((bytes: number) => void) | undefined
  readonly pool: MemoryPool
  /** Memory for decoders, of this message alone, that none decodes into at the moment. */
  readonly rooms: Buffer[]
  bytesLeft: number
  /** Units of work since the last turn. */
  work: number
}

/** What all readings of one message for its contents share. */
export interface Walk extends Work {
  /** The contents of a mail that stands so deep in others. */
  readonly readMail: (mail: Source, walk: Walk, depth: number) => Generator<Step, void>
  readonly options: ContentsOptions
  readonly seen: Set<string>
  /** Where in the message that stands of which contents are made now. */
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

/** Tells what was worked, and when it is time for a turn. */
export function* worked(walk: Work, units: number): Generator<Step, void> {
  walk.onWork?.(units)
  walk.work += units
  if (walk.work < TURN) return
  walk.work = 0
  yield { kind: 'turn' }
}

/** Takes bytes out of what all contents together may have. */
export function spend(walk: Work, bytes: number): void {
  walk.bytesLeft -= bytes
  if (walk.bytesLeft < 0) throw new Over('contents of too many bytes')
}

/** Returns whether it was given: it is not empty, and was not given before. */
export function* giveOne(source: Source, { isMail = false }, walk: Walk): Generator<Step, boolean> {
  if (source.size === 0 || isSeen(source, isMail, walk)) return false
  if (++walk.count > CONTENTS_MAX) throw new Over(`more than ${CONTENTS_MAX} contents`)
  spend(walk, source.size)
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
