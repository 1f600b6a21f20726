import { closeSync, fstatSync, readSync } from 'node:fs'
import { Fault } from '../ground/errors/fault.ts'
import { objectionToFileSystem } from '../ground/path/file-systems.ts'
import { releaseBuffer } from '../ground/runtime/release-buffer.ts'
import { openAnonymousFile } from './anonymous-file.ts'
import type { MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX, type Header } from './header-block.ts'
import { headerOf, type MessageOptions, messageInMemory, rereadable } from './in-memory.ts'
import type { Message } from './spool.ts'
import { TOP_LINE } from './top-line.ts'
import { writeInTurns } from './write-all.ts'

/** Bytes of a file that are read at a time. */
const CHUNK = 256 * 1024
/** Bytes that are read at first; nearly every header block fits in them. */
const FRONT = 64 * 1024
/**
 * Bytes up to which a message is read into memory as a whole, since reading it again for each use takes
 * more time.
 */
export const IN_MEMORY = 512 * 1024

/** A file that another process made, and passed to this one as a descriptor. */
export interface PassedFile {
  readonly descriptor: number
  /** The offset of the message in the file. */
  readonly offset: number
  /** Bytes of the message, which goes to the end of the file. */
  readonly size: number
  /** Whether the file is sealed: nobody can change it any more. */
  readonly sealed: boolean
}

/**
 * Makes a message of a file that another process passed. A sealed file is read where it lies, whoever
 * made it; scanners get the same file if it holds TOP_LINE and the message and nothing else. Any other
 * file is copied first, in turns of the event loop: its owner could change it at any time without a
 * trace (mmap(2)). The descriptor must stay open until the message is closed. Faults: `read` if it is
 * no regular file of that size, or cannot be read; `temp-file` and `write`.
 */
export async function readPassedFile(file: PassedFile, options: MessageOptions): Promise<Message> {
  const { descriptor, offset, size, sealed } = file
  checkFile(file)
  if (size <= IN_MEMORY) {
    const bytes = Buffer.allocUnsafeSlow(size)
    fill(descriptor, bytes, offset)
    const message = messageInMemory(bytes, options)
    return {
      ...message,
      ...(isForScanners(file) && withSealed(descriptor, message.header)),
      close() {
        message.close()
        releaseBuffer(bytes)
      },
    }
  }
  if (sealed) return messageInFile(file, options, () => {})
  const copy = openAnonymousFile(options.policy.directory)
  const close = () => closeSync(copy)
  try {
    const all = pieces(descriptor, offset, offset + size)
    await writeInTurns(copy, all, 0, options.policy.directory)
    return messageInFile({ ...file, descriptor: copy, offset: 0 }, options, close)
  } catch (error) {
    close()
    throw error
  }
}

/** Makes a message of a file that nobody else changes, with its form if that is known. */
export function messageInFile(
  file: PassedFile,
  options: MessageOptions,
  close: () => void,
  known?: MessageForm,
): Message {
  const { descriptor, offset, size } = file
  const read = (from: number, to: number) => pieces(descriptor, offset + from, offset + to)
  const message = rereadable({ size, ...headerIn(file) }, read, options, known)
  return {
    ...message,
    ...(isForScanners(file) && withSealed(descriptor, message.header)),
    close() {
      message.close()
      close()
    },
  }
}

function checkFile({ descriptor, offset, size, sealed }: PassedFile): void {
  const status = fstatSync(descriptor)
  if (!status.isFile() || status.size !== offset + size) {
    throw new Fault(
      'read',
      `the file that was handed over is not a regular one of ${offset + size} bytes`,
    )
  }
  const objection = sealed ? undefined : objectionToFileSystem(descriptor)
  if (objection !== undefined) throw new Fault('read', `the file that was handed over ${objection}`)
}

/** Whether the file is one that scanners may get: TOP_LINE, and the message with all of its fields. */
function isForScanners({ descriptor, offset, sealed }: PassedFile): boolean {
  if (!sealed || offset !== TOP_LINE.length) return false
  const line = Buffer.alloc(TOP_LINE.length)
  fill(descriptor, line, 0)
  return line.equals(TOP_LINE)
}

function withSealed(descriptor: number, header: Header): Pick<Message, 'sealedFile'> {
  const front = Buffer.concat([TOP_LINE, header.bytes])
  return { sealedFile: (top) => (top.equals(front) ? descriptor : undefined) }
}

/** Reads the header block: from the first bytes, or else from as many as a block may have and one more. */
function headerIn({ descriptor, offset, size }: PassedFile): ReturnType<typeof headerOf> {
  const front = Buffer.allocUnsafe(Math.min(size, FRONT))
  fill(descriptor, front, offset)
  const found = findHeaderEnd(front, 0)
  if ('end' in found) return headerOf(Buffer.from(front.subarray(0, found.end)))
  const all = Buffer.allocUnsafe(Math.min(size, HEADER_MAX + 1))
  fill(descriptor, all, offset)
  return headerOf(all)
}

/**
 * Reads a part of a file in pieces, each valid until the next one is asked for. Each call has a buffer
 * of its own: nothing else writes into what is being hashed or sent.
 */
export function* pieces(fd: number, from: number, to: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, to - from)))
  for (let at = from; at < to; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, to - at))
    fill(fd, piece, at)
    yield piece
    at += piece.length
  }
}

/** Fills `bytes` from a place in a file. */
function fill(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const length = readSync(fd, bytes, done, bytes.length - done, position + done)
    if (length === 0) throw new Fault('read', 'the message became shorter while it was read')
    done += length
  }
}
