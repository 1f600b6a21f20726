import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../runtime/fault.ts'
import { lookForMbox, mboxPieces } from './mbox.ts'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** A file that holds messages. */
export interface Source {
  readonly file: string
  /** `any` is an mbox or a message, as its first bytes say. */
  readonly kind: 'message' | 'any'
  /** Bytes; 0 if that is not known (a pipe). */
  readonly size: number
  /** Set in a Maildir: links are not followed, and for root the file must be this user's. */
  readonly owner?: number
}

/** One message of a source; it must be read to its end, or left, before the next is asked for. */
export interface SourceMessage {
  /** The file, and for an mbox the message's number from 1. */
  readonly file: string
  readonly number: number | undefined
  readonly bytes: AsyncIterable<Buffer>
}

/**
 * The files that a path stands for: a Maildir (a directory with new/ and cur/) holds
 * a message in each file, its folders (.NAME/) included; a file or pipe that begins with
 * `From ` is an mbox; any other is a message. Throws for what is neither.
 */
export function* findSources(path: string): Generator<Source> {
  if (path === STDIN) {
    yield { file: path, kind: 'any', size: 0 }
    return
  }
  const status = statSync(path)
  if (status.isDirectory()) {
    yield* findInMaildir(path, status.uid)
  } else if (status.isFile()) {
    yield { file: path, kind: 'any', size: status.size }
  } else if (status.isFIFO()) {
    yield { file: path, kind: 'any', size: 0 }
  } else {
    throw new Error(`${path}: is neither a file nor a Maildir`)
  }
}

/**
 * Whoever owns a Maildir may have put anything there. Links and what is not a regular file are
 * passed over; what root may not scan for its owner is told of when it is opened.
 */
function* findInMaildir(directory: string, owner: number): Generator<Source> {
  const names = subdirectories(directory)
  if (!names.includes('new') || !names.includes('cur')) {
    throw new Error(`${directory}: is not a Maildir, which has new/ and cur/; name files`)
  }
  for (const part of ['new', 'cur']) {
    for (const name of readdirSync(join(directory, part)).sort()) {
      const file = join(directory, part, name)
      const status = lstatSync(file, { throwIfNoEntry: false })
      // A mail program moves and removes messages while this goes on.
      if (status?.isFile()) yield { file, kind: 'message', size: status.size, owner }
    }
  }
  for (const name of names.sort()) {
    const folder = join(directory, name)
    if (/^\.[^.]/.test(name) && isMaildir(folder)) yield* findInMaildir(folder, owner)
  }
}

/** A link to one is none. */
function subdirectories(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function isMaildir(directory: string): boolean {
  return subdirectories(directory).filter((name) => name === 'new' || name === 'cur').length === 2
}

/**
 * The messages of a source, one after the other. Throws for a file of more than `maxSize`
 * bytes, before anything of it is kept: a hole in it costs its owner nothing.
 */
export async function* messagesOf(source: Source, maxSize: number): AsyncGenerator<SourceMessage> {
  const { file, kind } = source
  const { isMbox, bytes } = await lookForMbox(bytesOf(source, maxSize))
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
    for await (const _ of bytes); // what was left of it
  }
}

/** As many as the file had when it was opened, however it grows. */
async function* bytesOf(source: Source, maxSize: number): AsyncGenerator<Buffer> {
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

function open({ file, owner }: Source): { file: string; fd: number; status: Stats } {
  if (file === STDIN) return { file, fd: 0, status: fstatSync(0) }
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  let fd: number
  try {
    fd = openSync(file, owner === undefined ? O_RDONLY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (errorCode(error) !== 'ELOOP') throw error
    throw new Error(`${file}: is a link, and links in a Maildir are not followed`)
  }
  const status = fstatSync(fd)
  const why = owner === undefined ? undefined : objectionTo(status, owner)
  if (why === undefined) return { file, fd, status }
  closeSync(fd)
  throw new Error(`${file}: ${why}`)
}

/** Root would read for the owner of a Maildir what he may not read himself. */
function objectionTo(status: Stats, owner: number): string | undefined {
  if (!status.isFile()) return 'is not a regular file'
  if (process.geteuid?.() !== 0 || status.uid === owner) return undefined
  return `belongs to user ${status.uid}, and the Maildir to user ${owner}`
}
