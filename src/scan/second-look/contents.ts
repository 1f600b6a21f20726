import type { Hash } from 'node:crypto'
import { Pass } from './pass.ts'
import { signedContent } from './signed.ts'
import { createShelf, type Shelf, type Store } from './store.ts'

/** Contents of one message. */
export const CONTENTS_MAX = 2000
/** Encoded mails in one another. */
export const DEPTH_MAX = 12
/** Bytes of all contents together: so many times those of the message, and so many more. */
export const BYTES_TIMES = 8
export const BYTES_MORE = 16 * 1024 * 1024

/** Lines of headers, and other places where something may begin or end. */
export const PLACES_MAX = 100_000

/** Contents that are compared as they are: for so few bytes that is less work than a digest. */
const COMPARED_WHOLE_MAX = 256
/** Contents that are compared by their digest: larger ones are not worth it. */
const COMPARED_MAX = 1024 * 1024

const SPACE = 0x20
const TAB = 0x09
const DASH = 0x2d

/** Bytes that are looked at between two turns of the event loop. */
const TURN = 128 * 1024

/**
 * Bytes that are looked at before what was found in them is given: what waits is kept, and a
 * hostile mail has something every few bytes.
 */
const PIECE = 8 * 1024

/** What a reader of mail might get out of a message. */
export interface Content {
  readonly size: number
  /** A chunk is valid until the next one is asked for. Not to be used once the next content was asked for. */
  chunks(): Iterable<Buffer>
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
  readonly onHeader?: (text: string) => void
  /** Names of files in uuencode and yEnc. */
  readonly onName?: (name: string) => void
}

interface Source {
  readonly size: number
  chunks(): Iterable<Buffer>
}

/**
 * The decoded contents that any reader of mail might get out of a message, each once.
 * Whoever asks for no more must call `return`, which frees what is held.
 */
export function* contentsOf(message: Source, options: ContentsOptions): Generator<Step, void> {
  const walk: Walk = {
    options,
    shelf: createShelf(options.openFile),
    seen: new Set(),
    count: 0,
    places: 0,
    bytesLeft: message.size * BYTES_TIMES + BYTES_MORE,
  }
  try {
    yield* inside(message, walk, 0)
  } catch (error) {
    if (!(error instanceof Over)) throw error
    yield { kind: 'over', why: error.message }
  }
}

interface Walk {
  readonly options: ContentsOptions
  readonly shelf: Shelf
  readonly seen: Set<string>
  count: number
  places: number
  bytesLeft: number
}

class Over extends Error {}

interface Found {
  readonly store: Store
  readonly length: number
  readonly decoded: boolean
}

function* inside(source: Source, walk: Walk, depth: number): Generator<Step, void> {
  let found: Found[] = []
  const pass = new Pass({
    shelf: walk.shelf,
    emit(store, length, decoded) {
      store.keep()
      found.push({ store, length, decoded })
    },
    spend() {
      if (++walk.places === PLACES_MAX + 1)
        throw new Over(`more than ${PLACES_MAX} places to look at`)
    },
    onHeader: walk.options.onHeader,
    onName: walk.options.onName,
  })
  function* give(): Generator<Step, void> {
    const ready = found
    found = []
    try {
      while (ready.length > 0) {
        yield* giveOne(ready[0]!, walk, depth)
        ready.shift()!.store.close()
      }
    } finally {
      for (const { store } of ready) store.close()
    }
  }
  try {
    let turn = 0
    for (const chunk of source.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE)
        pass.push(piece)
        turn += piece.length
        yield* give()
        if (turn >= TURN) yield { kind: 'turn' }
        turn %= TURN
      }
    }
  } finally {
    pass.end() // in any case: files are closed
  }
  yield* give()
}

function* giveOne({ store, length, decoded }: Found, walk: Walk, depth: number): Generator<Step> {
  const content: Content = { size: length, chunks: () => store.chunks(length) }
  if (isSeen(content, walk)) return
  if (++walk.count > CONTENTS_MAX) throw new Over(`more than ${CONTENTS_MAX} contents`)
  walk.bytesLeft -= length
  if (walk.bytesLeft < 0) throw new Over('contents of too many bytes')
  yield { kind: 'content', content }
  const signed = signedContent(content.chunks, walk.shelf)
  if (signed) {
    try {
      if (depth === DEPTH_MAX) throw new Over(`mail encoded more than ${DEPTH_MAX} deep`)
      yield* giveOne({ store: signed, length: signed.size, decoded: true }, walk, depth + 1)
    } finally {
      signed.close()
    }
  }
  if (!decoded || !looksLikeMail(content)) return
  if (depth === DEPTH_MAX) throw new Over(`mail encoded more than ${DEPTH_MAX} deep`)
  yield* inside(content, walk, depth + 1)
}

function isSeen(content: Content, { seen, options }: Walk): boolean {
  if (content.size > COMPARED_MAX) return false
  const key = content.size <= COMPARED_WHOLE_MAX ? textOf(content) : digestOf(content, options)
  if (seen.has(key)) return true
  seen.add(key)
  return false
}

function textOf(content: Content): string {
  let text = '='
  for (const chunk of content.chunks()) text += chunk.toString('latin1')
  return text
}

function digestOf(content: Content, { createHash }: ContentsOptions): string {
  const hash = createHash('sha256')
  for (const chunk of content.chunks()) hash.update(chunk)
  return hash.digest('hex')
}

/** Whether there may be encoded data in it: a MIME field, a line of dashes, uuencode. */
function looksLikeMail({ chunks }: Content): boolean {
  let tail: Buffer = Buffer.alloc(0)
  for (const chunk of chunks()) {
    const seam = Buffer.concat([tail, chunk.subarray(0, SEAM)])
    if (hasWord(seam) || hasWord(chunk)) return true
    tail = Buffer.from((chunk.length < SEAM ? seam : chunk).subarray(-SEAM))
  }
  return false
}

/** Bytes at both sides of where two chunks meet that a word of `hasWord` may have. */
const SEAM = 16

function hasWord(bytes: Buffer): boolean {
  for (let dash = bytes.indexOf(DASH); dash >= 0; dash = bytes.indexOf(DASH, dash + 1)) {
    const isField = dash >= 7 && (bytes[dash - 1]! | 32) === 0x74 /* t */
    if (isField && /content$/i.test(bytes.toString('latin1', dash - 7, dash))) return true
  }
  for (let at = bytes.indexOf('begin'); at >= 0; at = bytes.indexOf('begin', at + 1)) {
    const next = bytes[at + 5]
    if (next === SPACE || next === TAB) return true
  }
  return false
}
