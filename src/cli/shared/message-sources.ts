import { closeSync, createReadStream, fstatSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import {
  inheritedDescriptor,
  openForeignFile,
  openForeignFileOrPipe,
} from '../../ground/path/read.ts'
import { listNames, type PathHandle, walk, walkIn } from '../../ground/path/walk.ts'
import { detectMbox, mboxPieces } from './mbox.ts'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** A file that holds messages. */
export interface MessageSource {
  readonly file: string
  /** `any` is an mbox or a message: its first bytes show which. */
  readonly kind: 'message' | 'any'
  /** The size in bytes; 0 for a pipe, whose size is not known. */
  readonly size: number
  /**
   * Whether the file was found in a Maildir. Its owner may have put anything there, so it is opened
   * only if it is a regular file.
   */
  readonly isFound?: true
}

/**
 * One message of a source. Read it to its end, or leave it, before you ask for the next one.
 */
export interface SourceMessage {
  /** The file; for an mbox also the number of the message, from 1. */
  readonly file: string
  readonly number: number | undefined
  readonly bytes: AsyncIterable<Buffer>
}

/**
 * Finds the files that a path stands for. A Maildir (a directory with new/ and cur/) holds a message in
 * each file, also in its folders (.NAME/). A file or pipe that begins with `From ` is an mbox; any
 * other is a message. Throws for anything else.
 */
export function* findSources(path: string): Generator<MessageSource> {
  if (inheritedDescriptor(path) !== undefined) {
    yield { file: path, kind: 'any', size: 0 }
    return
  }
  const place = walk(path)
  try {
    const { stats } = place
    if (stats.isDirectory()) yield* findInMaildir(place, path)
    else if (stats.isFile()) yield { file: path, kind: 'any', size: stats.size }
    else if (stats.isFIFO()) yield { file: path, kind: 'any', size: 0 }
    else throw new Error(`${path}: is neither a file nor a Maildir`)
  } finally {
    closeSync(place.fd)
  }
}

/** Finds the regular files of a Maildir. Links are skipped: its owner may have put anything there. */
function* findInMaildir(directory: PathHandle, shown: string): Generator<MessageSource> {
  const names = listNames(directory, shown)
  if (!isMaildir(directory, names)) {
    throw new Error(`${shown}: is not a Maildir, which has new/ and cur/; name files`)
  }
  for (const part of ['new', 'cur']) {
    const place = walkIn(directory, part)
    try {
      for (const name of listNames(place, part).sort()) {
        const size = sizeOf(place, name)
        const file = join(shown, part, name)
        if (size !== undefined) yield { file, kind: 'message', size, isFound: true }
      }
    } finally {
      closeSync(place.fd)
    }
  }
  for (const name of names.filter((name) => /^\.[^.]/.test(name)).sort()) {
    const folder = directoryIn(directory, name)
    if (folder === undefined) continue
    try {
      if (isMaildir(folder, listNames(folder, name)))
        yield* findInMaildir(folder, join(shown, name))
    } finally {
      closeSync(folder.fd)
    }
  }
}

function isMaildir(directory: PathHandle, names: readonly string[]): boolean {
  return ['new', 'cur'].every((part) => {
    const place = names.includes(part) ? directoryIn(directory, part) : undefined
    if (place !== undefined) closeSync(place.fd)
    return place !== undefined
  })
}

/** A directory; undefined for anything else, also for a link to a directory. */
function directoryIn(directory: PathHandle, name: string): PathHandle | undefined {
  const place = entryIn(directory, name)
  if (place === undefined || place.stats.isDirectory()) return place
  closeSync(place.fd)
  return undefined
}

/**
 * The size of a regular file; undefined for anything else, also if a mail program has moved it
 * meanwhile.
 */
function sizeOf(directory: PathHandle, name: string): number | undefined {
  const place = entryIn(directory, name)
  if (place === undefined) return undefined
  closeSync(place.fd)
  return place.stats.isFile() ? place.stats.size : undefined
}

function entryIn(directory: PathHandle, name: string): PathHandle | undefined {
  try {
    return walkIn(directory, name)
  } catch {
    return undefined
  }
}

/**
 * Reads the messages of a source, one after the other. Throws for a file of more than `maxSize` bytes
 * before any of it is spooled: a user can make large files with holes for free.
 */
export async function* messagesOf(
  source: MessageSource,
  maxSize: number,
): AsyncGenerator<SourceMessage> {
  const { file, kind } = source
  const { isMbox, bytes } = await detectMbox(bytesOf(source, maxSize))
  if (kind === 'message' || !isMbox) {
    yield { file, number: undefined, bytes }
    return
  }
  const pieces = mboxPieces(bytes)
  let piece = await pieces.next()
  for (let number = 1; !piece.done; number++) {
    const bytes = (async function* () {
      for (;;) {
        piece = await pieces.next()
        if (piece.done || piece.value.kind === 'message') return
        yield piece.value.bytes
      }
    })()
    yield { file, number, bytes }
    for await (const _ of bytes); // the rest of it
  }
}

/** Reads as many bytes as the file had when it was opened, even if it grows. */
async function* bytesOf(source: MessageSource, maxSize: number): AsyncGenerator<Buffer> {
  const { file, fd, status } = open(source)
  const tooLarge = () => new Error(`${file}: is larger than ${maxSize} bytes (--max-size)`)
  if (status.isFile() && status.size > maxSize) {
    closeSync(fd)
    throw tooLarge()
  }
  const end = status.isFile() ? status.size - 1 : Number.POSITIVE_INFINITY
  if (end < 0) return closeSync(fd)
  let size = 0
  for await (const chunk of createReadStream(file, { fd, end, highWaterMark: 256 * 1024 })) {
    size += chunk.length
    if (size > maxSize) throw tooLarge()
    yield chunk
  }
}

function open({ file, isFound }: MessageSource): { file: string; fd: number; status: Stats } {
  const own = inheritedDescriptor(file)
  if (own !== undefined) return { file, fd: own, status: fstatSync(own) }
  const { fd, stats } = isFound ? openForeignFile(file) : openForeignFileOrPipe(file)
  return { file, fd, status: stats }
}
