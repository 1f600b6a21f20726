import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorText, Fault } from '../fault.ts'
import { examineForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX } from './header-block.ts'
import { headerOf, type LookOptions } from './held.ts'
import type { Message } from './spool.ts'

const CHUNK = 256 * 1024
/** Bytes that nearly every header block fits in. */
const FRONT = 64 * 1024

/**
 * What is looked at before anything else can happen in this process is read into one and
 * the same memory: pages that are fresh for each message would cost more than reading it.
 */
const scratch = Buffer.allocUnsafeSlow(CHUNK)

/** A file of somebody else's that holds exactly a message. */
export interface LentFile {
  readonly path: string
  /** Bytes, as its owner says. */
  readonly size: number
  /** Whether its owner, who could change it while it is scanned, is believed not to. */
  readonly ownerTrusted: boolean
}

/**
 * A message in a file that another process made, owns and removes: here it is only
 * read. Where its owner is not trusted, no stamp can vouch for it, for what is hashed
 * and what is scanned might not be the same. Faults: `read`, where there is no regular
 * file of that size.
 */
export function borrowMessage(file: LentFile, { digestsFor, createHash }: LookOptions): Message {
  const fd = open(file)
  try {
    const { header, headerTooLarge } = headerIn(fd, file.size)
    let form: Promise<MessageForm> | undefined
    return {
      size: file.size,
      header,
      headerTooLarge,
      form() {
        form ??= file.ownerTrusted
          ? examineForm(
              header,
              pieces(fd, header.length, file.size, scratch),
              digestsFor(header),
              createHash,
            )
          : Promise.resolve(NO_FORM)
        return form
      },
      chunks: () => pieces(fd, 0, file.size),
      pathIsShared: true,
      isFile: true,
      path: () => file.path,
      removeNamedFile() {},
      close: () => closeSync(fd),
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

function open({ path, size }: LentFile): number {
  let fd: number
  try {
    // Whoever puts a FIFO or a link there must not hold us up or lead us elsewhere.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw new Fault('read', `message ${path}: ${errorText(error)}`, error)
  }
  const status = fstatSync(fd)
  if (status.isFile() && status.size === size) return fd
  closeSync(fd)
  throw new Fault('read', `message ${path}: is no regular file of ${size} bytes`)
}

/** Little is read at first, then all that a header block may have and a byte to tell. */
function headerIn(fd: number, size: number): ReturnType<typeof headerOf> {
  const little = scratch.subarray(0, Math.min(size, FRONT))
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

function* pieces(
  fd: number,
  from: number,
  size: number,
  buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(0, size - from))),
): Generator<Buffer> {
  for (let at = from; at < size; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, size - at))
    fill(fd, piece, at)
    yield piece
    at += piece.length
  }
}

function fill(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const length = readSync(fd, bytes, done, bytes.length - done, position + done)
    if (length === 0) throw new Fault('read', 'the message became shorter while it was read')
    done += length
  }
}
