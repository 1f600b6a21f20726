import { constants, openSync, readSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  errorCode,
  errorText,
  errorTextAt,
  Fault,
  type FaultKind,
} from '../../base/errors/fault.ts'
import { nextTurn } from '../../base/flow/event-loop.ts'
import { PathHandle, pathExists } from '../../base/path/path-handle.ts'
import { letsOthersReplace } from '../../base/path/untrusted-writer.ts'
import { writeWhole } from '../../base/process/descriptors.ts'
import type { Environment } from '../../base/process/environment.ts'
import { formatMode } from '../../base/text/units.ts'
import { absolutePath } from '../../base/text/values.ts'

/** The directories in which messages are kept while they are judged. */
export interface SpoolSettings {
  /** The directory for files without a name: TMPDIR, or the system's directory for temporary files. */
  readonly directory: string
  /**
   * The directory for files that a scanner opens by path: SPOOLDIR, which must exist. Undefined selects a new
   * private directory.
   */
  readonly sharedDirectory: string | undefined
  /** A line for the log if SPOOLDIR is set and not used. */
  readonly remark?: string
}

/** Reads TMPDIR and SPOOLDIR. Throws a Fault of kind `config`. */
export function readSpoolSettings(env: Environment): SpoolSettings {
  const shared = env.SPOOLDIR || undefined
  if (shared !== undefined) absolutePath(shared, 'SPOOLDIR')
  const directory = env.TMPDIR || tmpdir()
  try {
    pathExists(directory) // else root may wait there
  } catch (error) {
    throw new Fault('config', `TMPDIR ${errorText(error)}`, error)
  }
  const remark = shared && objectionTo(shared)
  if (remark) return { directory, sharedDirectory: undefined, remark }
  return { directory, sharedDirectory: shared }
}

/**
 * Returns why a directory is not safe for files that scanners open by name: another user could replace an
 * infected file by a clean one.
 */
function objectionTo(directory: string): string | undefined {
  let mode: number
  try {
    mode = PathHandle.with(directory, ({ stats }) => stats.mode)
  } catch (error) {
    if (errorCode(error)) return undefined // the error of creating a file there contains the reason
    return `SPOOLDIR ${directory}: not used, ${errorTextAt(directory, error)}`
  }
  if (!letsOthersReplace(mode)) return undefined
  return `SPOOLDIR ${directory}: not used, mode ${formatMode(mode)} lets others replace files; run chmod +t on it`
}

/** Linux's O_TMPFILE with O_DIRECTORY, which node:fs does not name. */
const O_TMPFILE = 0o20200000

/**
 * Opens a file without a name for reading and writing (mode 0600). The kernel frees it with its last
 * descriptor, so nothing is left however this process ends. Throws a Fault of kind `temp-file`.
 */
export function openAnonymousFile(directory: string): number {
  try {
    return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600)
  } catch (error) {
    // File systems without O_TMPFILE return EOPNOTSUPP; kernels without it, EISDIR.
    if (!['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'].includes(errorCode(error))) {
      throw cannotSpool(directory, error)
    }
  }
  // If another user guessed the name, O_EXCL makes that an error instead of opening that user's file. The
  // sweep (daemon/sweeps.ts) knows the name, because this process may be killed before it removes the name.
  const path = join(directory, `onescan-file-${randomName()}`)
  const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants
  try {
    const fd = openSync(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
    unlinkSync(path)
    return fd
  } catch (error) {
    throw cannotSpool(directory, error)
  }
}

/**
 * Returns 128 random bits in hexadecimal, for the name of a file: a user who may write to its directory must
 * not be able to predict it.
 */
export function randomName(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')
}

/**
 * Writes all of the bytes at `position`. Throws a Fault of kind `write` that names `shown`, a
 * directory or file.
 */
export function writeAll(fd: number, bytes: Buffer, position: number, shown: string): void {
  try {
    writeWhole(fd, bytes, position)
  } catch (error) {
    throw diskFault(`cannot write the spool file in ${shown}`, error)
  }
}

/** Bytes that are written before other work gets a turn. */
const TURN = 1024 * 1024

/**
 * Writes chunks to a file from its beginning, each before the next one is requested. It runs in turns of the
 * event loop, so that other messages do not wait for a large one. Throws if `isOver` returns true at the
 * beginning of a turn: the bytes are then no longer needed, and the descriptor may belong to another message.
 */
export async function writeInTurns(
  fd: number,
  chunks: Iterable<Buffer>,
  shown: string,
  isOver: () => boolean = () => false,
): Promise<void> {
  let at = 0
  let turn = 0
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, shown)
    at += chunk.length
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await nextTurn()
    if (isOver()) throw new Error('the message has ended')
  }
}

/**
 * Reads a part of a file in pieces of at most `most` bytes, each valid until the next one is requested. Each
 * call has its own buffer, so that the bytes being hashed or sent do not change. Throws a Fault of kind
 * `read` if the file ends before.
 */
export function* piecesOfFile(
  fd: number,
  from: number,
  to: number,
  most: number,
): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(most, Math.max(0, to - from)))
  for (let at = from; at < to; ) {
    const length = readSync(fd, buffer, 0, Math.min(buffer.length, to - at), at)
    if (length === 0) throw new Fault('read', 'a spool file became shorter while it was read')
    yield buffer.subarray(0, length)
    at += length
  }
}

/**
 * Makes a fault of an error of the file system: a full disk (`write`, exit 53), or trouble with the directory
 * (`temp-file`, exit 64, by default).
 */
export function diskFault(place: string, error: unknown, kind: FaultKind = 'temp-file'): Fault {
  const code = errorCode(error)
  const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(code)
  const remedy = code === 'ENOSPC' ? '; free space or inodes there' : ''
  return new Fault(isFull ? 'write' : kind, `${place}: ${errorTextAt('', error)}${remedy}`, error)
}

function cannotSpool(directory: string, error: unknown): Fault {
  return diskFault(`cannot create a spool file in ${directory} (TMPDIR)`, error)
}
