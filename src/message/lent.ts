import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { errorText, Fault } from '../runtime/fault.ts'
import { freeBuffer } from '../runtime/free-buffer.ts'
import type { DigestsWanted } from './canonical-body.ts'
import { examineForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX, Header } from './header-block.ts'
import { headerOf, holdMessage, type LookOptions } from './held.ts'
import { createNamedCopy } from './named-copy.ts'
import {
  changedMeanwhile,
  isAsItWas,
  makeNamedCopy,
  type NamedFile,
  stateOf,
} from './named-file.ts'
import type { Message } from './spool.ts'
import { TOP_LINE } from './top-line.ts'

const CHUNK = 256 * 1024
/** Bytes that nearly every header block fits in. */
const FRONT = 64 * 1024
/**
 * Bytes of a message up to which a copy of it is memory: making a file for it, and reading
 * that again for each who looks at it, takes more time. A message in memory of its own is
 * allowed as much (request.ts, LENT_COST).
 */
export const IN_MEMORY = 512 * 1024

/** A file of somebody else's that holds TOP_LINE and a message. */
export interface LentFile {
  readonly path: string
  /** Bytes of the message, as its owner says. */
  readonly size: number
  /** The user whose file it must be. */
  readonly owner: number
  /** Whether what its owner has looked at may be stamped. */
  readonly ownerTrusted: boolean
}

/**
 * A message in a file that another process made, owns and removes: here it is only read.
 * Its owner can change it at any time without a trace, for what is stored through a mapping
 * changes no time of the file (mmap(2)). So where a stamp may vouch for it, a copy is made
 * first, in memory or, in turns of the event loop, in a file; that is what is hashed and what
 * scanners get. Where the owner is not trusted, or nothing is signed, scanners get the file
 * itself where it holds what they are to see.
 * Faults: `read`, where there is not a regular file of that size and owner, under one name,
 * that begins with TOP_LINE and that nobody else may change; `temp-file` and `write`.
 */
export async function borrowMessage(lent: LentFile, options: LookOptions): Promise<Message> {
  const theirs = openLent(lent)
  try {
    checkTopLine(theirs.fd, theirs.path)
    const bytes = lent.size <= IN_MEMORY ? allOf(theirs.fd, lent.size) : undefined
    const { header, headerTooLarge } = bytes ? headerOf(bytes) : headerIn(theirs.fd, lent.size)
    const wanted = options.digestsFor(header)
    const isVouchedFor = lent.ownerTrusted && !headerTooLarge && (wanted.md5 || wanted.sha256)
    if (isVouchedFor && bytes) {
      const message = holdOwn(bytes, options)
      theirs.remove()
      return message
    }
    const front = Buffer.concat([TOP_LINE, header.bytes])
    const body = () => pieces(theirs.fd, header.length, lent.size)
    const file = isVouchedFor ? await makeNamedCopy(options.policy, front, body()) : theirs
    return messageIn(file, { theirs, lent, front, header, headerTooLarge, wanted }, options)
  } catch (error) {
    theirs.remove()
    throw error
  }
}

/** The memory is this message's alone, and nobody sees it once it is closed. */
function holdOwn(bytes: Buffer, options: LookOptions): Message {
  const message = holdMessage(bytes, options)
  return {
    ...message,
    close() {
      message.close()
      freeBuffer(bytes)
    },
  }
}

interface Opened {
  readonly theirs: NamedFile
  readonly lent: LentFile
  /** TOP_LINE and the header block. */
  readonly front: Buffer
  readonly header: Header
  readonly headerTooLarge: boolean
  readonly wanted: DigestsWanted
}

/** The message in `file`: the one that is lent, or the copy of it. */
function messageIn(file: NamedFile, opened: Opened, options: LookOptions): Message {
  const { theirs, lent, front, header, headerTooLarge, wanted } = opened
  const { policy, createHash } = options
  let form: Promise<MessageForm> | undefined
  const body = (from = 0, to = lent.size - header.length) =>
    pieces(file.fd, header.length + from, header.length + to)
  const isFileWith = (top: Buffer) => top.equals(front)
  const named = createNamedCopy(policy, body)
  return {
    size: lent.size,
    header,
    headerTooLarge,
    form() {
      form ??= lent.ownerTrusted
        ? examineForm(header, body(), wanted, createHash)
        : Promise.resolve(NO_FORM)
      return form
    },
    body,
    pathIsShared: true,
    isFileWith,
    path: async (top) => (isFileWith(top) ? file.path : named.path(top)),
    confirmFile() {
      named.confirm()
      file.confirm()
      theirs.confirm()
    },
    removeNamedFile: named.remove,
    close() {
      named.remove()
      if (file !== theirs) file.remove()
      theirs.remove()
    },
  }
}

const NO_FORM: MessageForm = {
  formFault: 'came in a file that its owner may change',
  digests: { md5: undefined, sha256: undefined },
}

/** Removed by its owner, and only closed here. */
function openLent(lent: LentFile): NamedFile {
  const { path } = lent
  const fd = open(lent)
  const before = stateOf(fd)
  return {
    path,
    fd,
    confirm() {
      if (!isAsItWas(fd, path, before)) throw changedMeanwhile(path)
    },
    remove: () => closeSync(fd),
  }
}

function open({ path, size, owner }: LentFile): number {
  let fd: number
  try {
    // Whoever puts a FIFO or a link there must not hold us up or lead us elsewhere.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw new Fault('read', `message ${path}: ${errorText(error)}`, error)
  }
  const why = objectionTo(fstatSync(fd), TOP_LINE.length + size, owner)
  if (why === undefined) return fd
  closeSync(fd)
  throw new Fault('read', `message ${path}: ${why}`)
}

function objectionTo(status: Stats, size: number, owner: number): string | undefined {
  if (!status.isFile() || status.size !== size) return `is not a regular file of ${size} bytes`
  if (status.uid !== owner) return `belongs to user ${status.uid}, not to the client's, ${owner}`
  if (status.nlink !== 1) return `has ${status.nlink} names`
  return (status.mode & 0o022) === 0 ? undefined : 'can be changed by others than its owner'
}

function checkTopLine(fd: number, path: string): void {
  const line = Buffer.alloc(TOP_LINE.length)
  fill(fd, line, -line.length)
  if (!line.equals(TOP_LINE)) throw new Fault('read', `message ${path}: another first line`)
}

/** Little is read at first, then all that a header block may have and a byte to tell. */
function headerIn(fd: number, size: number): ReturnType<typeof headerOf> {
  const little = Buffer.allocUnsafe(Math.min(size, FRONT))
  fill(fd, little, 0)
  const found = findHeaderEnd(little, 0)
  if ('end' in found || little.length === size) {
    const end = 'end' in found ? found.end : size
    return { header: new Header(Buffer.from(little.subarray(0, end))), headerTooLarge: false }
  }
  const all = Buffer.allocUnsafe(Math.min(size, HEADER_MAX + 1))
  fill(fd, all, 0)
  return headerOf(all)
}

function allOf(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size)
  fill(fd, bytes, 0)
  return bytes
}

/** One memory for each reading: what one message is hashed or sent out of, no other touches. */
function* pieces(fd: number, from: number, size: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, size - from)))
  for (let at = from; at < size; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, size - at))
    fill(fd, piece, at)
    yield piece
    at += piece.length
  }
}

/** `position` in the message. */
function fill(fd: number, bytes: Buffer, position: number): void {
  const from = TOP_LINE.length + position
  for (let done = 0; done < bytes.length; ) {
    const length = readSync(fd, bytes, done, bytes.length - done, from + done)
    if (length === 0) throw new Fault('read', 'the message became shorter while it was read')
    done += length
  }
}
