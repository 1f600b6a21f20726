import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { errorText, Fault } from '../fault.ts'
import { examineForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX } from './header-block.ts'
import { headerOf, type LookOptions } from './held.ts'
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

/** A file of somebody else's that holds TOP_LINE and a message. */
export interface LentFile {
  readonly path: string
  /** Bytes of the message, as its owner says. */
  readonly size: number
  /** The user whose file it must be. */
  readonly owner: number
  /** Whether its owner, who could change it while it is scanned, is believed not to. */
  readonly ownerTrusted: boolean
}

/**
 * A message in a file that another process made, owns and removes: here it is only
 * read. Where its owner is not trusted, no stamp can vouch for it, for what is hashed
 * and what is scanned might not be the same. Scanners get that file where it holds what
 * they are to see, and a copy else. Faults: `read`, where there is no regular file of that
 * size and owner, under one name, that begins with TOP_LINE and that nobody else may change.
 */
export function borrowMessage(
  file: LentFile,
  { policy, digestsFor, createHash, now }: LookOptions,
): Message {
  const fd = open(file)
  let named: NamedFile | undefined
  try {
    checkTopLine(fd, file.path)
    const { header, headerTooLarge } = headerIn(fd, file.size)
    let form: Promise<MessageForm> | undefined
    const body = () => pieces(fd, header.length, file.size)
    const before = stateOf(fd)
    const isFileWith = (top: Buffer) => top.equals(Buffer.concat([TOP_LINE, header]))
    const removeNamedFile = () => {
      named?.remove()
      named = undefined
    }
    return {
      size: file.size,
      header,
      headerTooLarge,
      form() {
        form ??= file.ownerTrusted
          ? examineForm(header, body(), digestsFor(header), createHash)
          : Promise.resolve(NO_FORM)
        return form
      },
      body,
      pathIsShared: true,
      isFileWith,
      path(top) {
        if (isFileWith(top)) return file.path
        named ??= makeNamedCopy(policy, now, top, body())
        return named.path
      },
      confirmFile() {
        named?.confirm()
        if (!isAsItWas(fd, file.path, before)) throw changedMeanwhile(file.path)
      },
      removeNamedFile,
      close() {
        removeNamedFile()
        closeSync(fd)
      },
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

const NO_FORM: MessageForm = {
  formFault: 'came in a file that its owner may change',
  digests: { md5: undefined, sha256: undefined },
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
  if (!status.isFile() || status.size !== size) return `is no regular file of ${size} bytes`
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
    return { header: Buffer.from(little.subarray(0, end)), headerTooLarge: false }
  }
  const all = Buffer.allocUnsafe(Math.min(size, HEADER_MAX + 1))
  fill(fd, all, 0)
  return headerOf(all)
}

/** One memory for each reading: what one message is hashed or sent out of, no other touches. */
function* pieces(fd: number, from: number, size: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(0, size - from)))
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
