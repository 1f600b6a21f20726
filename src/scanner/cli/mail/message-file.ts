import { closeSync, createReadStream, fstatSync } from 'node:fs'
import type { Argv } from 'yargs'
import { errorCode, errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { type OpenFile, PathHandle } from '../../../base/path/path-handle.ts'
import { inheritedDescriptor } from '../../../base/process/descriptors.ts'
import { userName } from '../../../base/process/passwd.ts'
import { byteSize, REPLACED } from '../../../base/text/values.ts'
import { MAILBOX_LINE } from '../../../mail/message/field-line.ts'
import { caller, isElsewhere } from '../command/caller.ts'
import { textOption } from '../command/cli-options.ts'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** The start of an mbox, which holds several messages, mbox(5). */
const MBOX = Buffer.from(MAILBOX_LINE)

/** An open file that holds a message. */
export interface MessageFile extends OpenFile {
  readonly file: string
}

/** Opens the file or pipe at a path. `-` is standard input. Throws for a directory or a device. */
export function openMessageFile(path: string): MessageFile {
  const file = path === '-' ? STDIN : path
  const fd = inheritedDescriptor(file)
  if (fd !== undefined) return { file, fd, stats: fstatSync(fd) }
  try {
    return { file, ...PathHandle.with(file, (found) => found.openFileOrPipe()) }
  } catch (error) {
    throw withRemedy(error, file)
  }
}

const isClosed = (error: unknown) => errorCode(error) === 'EACCES'

/**
 * Returns the error about a path. It contains a remedy if root typed the command and its account may not
 * access the path, or if the path is not UTF-8.
 */
export function withRemedy(
  error: unknown,
  path: string,
  remedy = 'use - <FILE instead, or specify an account with --user',
): unknown {
  if (path.includes(REPLACED)) {
    const reason = 'is not valid UTF-8, so it cannot be opened'
    return new Fault('read', `${path}: ${reason}; use - <FILE instead`)
  }
  const isNotThere = isElsewhere && !path.startsWith('/')
  if (caller === undefined || !(isClosed(error) || isNotThere)) return error
  const account = userName(process.getuid!())
  const reason = isClosed(error)
    ? `${errorTextAt(path, error)}: ${account} may not read it`
    : `${account} may not enter this directory`
  return new Fault('read', `${path}: ${reason}; ${remedy}`)
}

/**
 * Reads a message, up to the size that the file had when it was opened, even if it grows, and closes the
 * file. Throws for more than `maxSize` bytes before any of it is spooled, because a user can create large
 * sparse files for free. Also throws for an mbox, of which only the first message would be scanned.
 */
export async function* bytesOf(
  { file, fd, stats }: MessageFile,
  maxSize: number,
): AsyncGenerator<Buffer> {
  const tooLarge = () => new Error(`${file}: is larger than ${maxSize} bytes (--max-size)`)
  if (stats.isFile() && stats.size > maxSize) {
    closeSync(fd)
    throw tooLarge()
  }
  const end = stats.isFile() ? stats.size - 1 : Number.POSITIVE_INFINITY
  if (end < 0) return closeSync(fd)
  let size = 0
  let start: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(file, { fd, end, highWaterMark: 256 * 1024 })) {
    size += chunk.length
    if (size > maxSize) throw tooLarge()
    if (start.length < MBOX.length) {
      start = Buffer.concat([start, chunk.subarray(0, MBOX.length - start.length)])
      if (start.equals(MBOX)) throw new Error(`${file}: is an mbox; split it (git mailsplit)`)
    }
    yield chunk
  }
}

/**
 * Adds the option for the upper limit, in bytes, for a file that a command reads. `what` states what happens to
 * larger ones.
 */
export function addMaxSizeOption<Options>(yargs: Argv<Options>, what: string) {
  return yargs.option('max-size', textOption(`${what}; 0 for any size`, { default: '100M' }))
}

/** The number of bytes. Throws a Fault of kind `config` if the value is not a size. */
export function maxSizeOf(args: { readonly 'max-size': string }): number {
  return byteSize(args['max-size'], '--max-size', 0) || Number.MAX_SAFE_INTEGER
}
