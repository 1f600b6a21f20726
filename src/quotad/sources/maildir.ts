import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { LF, NUL } from '../../lib/bytes/ascii.ts'
import { errorText } from '../../lib/errors/fault.ts'
import { LruCache } from '../../lib/flow/cache.ts'
import { TIMED_OUT, withTimeout } from '../../lib/flow/timeout.ts'
import { formatDuration } from '../../lib/text/units.ts'
import type { MailboxLocation } from './mailbox.ts'
import { type Directory, pathBytes, withMailbox } from './open-mailbox.ts'
import {
  type Clocks,
  isFull,
  limitsOf,
  type MailboxReading,
  type Measure,
  parseMaildirLimits,
  type QuotaLimits,
  READING_MAX,
  REMEMBERED_MAX,
} from './reading.ts'
import { Readings } from './readings-at-once.ts'
import { type MaildirSum, Walker } from './walk.ts'

/**
 * The owner of the mailbox may have replaced the file. Opening a FIFO must not block, and a link, which may
 * lead where the owner has no access, must not be followed.
 */
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** A file `maildirsize`, with the state that it had when it was read. */
interface RememberedSizeFile {
  readonly inode: number
  readonly size: number
  readonly written: number
  readonly file: Maildirsize
}

/**
 * Reads Maildirs. If there is a file `maildirsize` (Maildir++) that can be believed, its sum is taken, else the
 * messages are counted. Nothing is written: a file that must be made again is left to the program that
 * delivers.
 */
export class MaildirSource {
  readonly #now: () => number
  /** Milliseconds for which a query waits for the list of users and for a count together. */
  readonly #timeout: number
  readonly #files = new LruCache<RememberedSizeFile>(REMEMBERED_MAX)
  readonly #walker: Walker
  readonly #looks: Readings<RememberedSizeFile | undefined>
  readonly #counts: Readings<MaildirSum | undefined>

  constructor(timeout: number, clocks: Clocks) {
    this.#now = clocks.now
    this.#timeout = timeout
    this.#looks = new Readings(clocks.uptime, READING_MAX)
    this.#counts = new Readings(clocks.uptime, READING_MAX)
    this.#walker = new Walker(clocks)
  }

  /** Reads a mailbox. Never rejects. */
  async read(mailbox: MailboxLocation, measure: Measure): Promise<MailboxReading> {
    try {
      const known = await this.#looks.read(mailbox.path, () => this.#look(mailbox))
      return this.#byFile(known, measure) ?? (await this.#byCounting(mailbox, known, measure))
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }

  /** Forgets all files and sums. */
  forget(): void {
    this.#files.clear()
    this.#walker.forget()
  }

  /** Resolves to the current file, or undefined if there is none. */
  async #look(mailbox: MailboxLocation): Promise<RememberedSizeFile | undefined> {
    const { path } = mailbox
    const known = this.#files.get(path)
    if (known && (await isUnchanged(known, path))) return known
    return withMailbox(mailbox, (directory) => this.#readFile(path, directory))
  }

  async #readFile(maildir: string, directory: Directory): Promise<RememberedSizeFile | undefined> {
    let handle: FileHandle | undefined
    try {
      this.#files.delete(maildir)
      handle = await directory.ask('maildirsize', (path) => open(path, READ_ONLY))
      if (handle === undefined) return undefined
      const stats = await handle.stat()
      if (!stats.isFile()) throw new Error('maildirsize is not a file')
      const buffer = Buffer.alloc(MAILDIRSIZE_MAX)
      const { bytesRead } = await handle.read(buffer, 0, MAILDIRSIZE_MAX, 0)
      const known = {
        inode: stats.ino,
        size: stats.size,
        written: stats.mtimeMs,
        file: parseMaildirsize(buffer.subarray(0, bytesRead)),
      }
      // If the file was written meanwhile, it is not cached, and the next request reads it again.
      if (bytesRead === Math.min(stats.size, MAILDIRSIZE_MAX)) this.#files.set(maildir, known)
      return known
    } finally {
      await handle?.close()
    }
  }

  /** Returns the reading by the file's sum, or undefined if the mailbox must be counted. */
  #byFile(known: RememberedSizeFile | undefined, measure: Measure): MailboxReading | undefined {
    const { usage, limits } = known?.file ?? {}
    if (usage === undefined) return undefined
    const reportsFull = isFull(usage, limitsOf(measure, limits), measure.incoming)
    if (reportsFull && !mayReportFull(usage, known!.written, this.#now())) return undefined
    return { found: 'usage', usage, limits, source: 'maildirsize' }
  }

  async #byCounting(
    mailbox: MailboxLocation,
    known: RememberedSizeFile | undefined,
    { waited = 0 }: Measure,
  ): Promise<MailboxReading> {
    const { file } = known ?? {}
    const counted = this.#counts.read(mailbox.path, () => this.#walker.count(mailbox))
    const usage = await withTimeout(counted, Math.max(0, this.#timeout - waited))
    if (usage === undefined) return { found: 'no-mailbox' }
    if (usage !== TIMED_OUT) return { found: 'usage', usage, limits: file?.limits, source: 'walk' }
    // An untrusted "full" in a file is ignored: mail for the mailbox would be deferred.
    return { found: 'trouble', why: `still being counted after ${formatDuration(this.#timeout)}` }
  }
}

async function isUnchanged(known: RememberedSizeFile, maildir: string): Promise<boolean> {
  try {
    const { ino, size, mtimeMs } = await lstat(pathBytes(`${maildir}/maildirsize`))
    return mtimeMs === known.written && size === known.size && ino === known.inode
  } catch {
    return false // reading the file will meet the error again, and report it
  }
}

/** Bytes. A file that is as long as this is not summed up but made again (maildirquota(7)). */
const MAILDIRSIZE_MAX = 5120

/** The content of the file `maildirsize` of a Maildir++. */
interface Maildirsize {
  /** Undefined if they are not legible. */
  readonly limits: QuotaLimits | undefined
  /**
   * The sum, and the number of its lines. Undefined if no sum can be used: the mailbox must be
   * counted.
   */
  readonly usage: (MaildirSum & { readonly lines: number }) | undefined
}

/**
 * Parses the file. The first line contains the limits. Each further line has a number of bytes and a number of
 * messages, and the sum of these lines is the usage of the mailbox. A last line without a line end is still
 * being written, and is ignored. Source: Courier's README.maildirquota. Dovecot reads it in the same way, but
 * treats illegible limits as none.
 */
export function parseMaildirsize(file: Buffer): Maildirsize {
  const complete = file.subarray(0, file.lastIndexOf(LF) + 1)
  if (file.includes(NUL) || complete.length === 0) return { limits: undefined, usage: undefined }
  const [first = '', ...lines] = complete.toString('latin1').slice(0, -1).split('\n')
  const limits = first.trim() === '' ? {} : parseMaildirLimits(first)
  const isUsable = limits !== undefined && file.length < MAILDIRSIZE_MAX
  return { limits, usage: isUsable ? sumOf(lines) : undefined }
}

function sumOf(lines: readonly string[]): Maildirsize['usage'] {
  let bytes = 0
  let messages = 0
  for (const line of lines) {
    const numbers = /^\s*([+-]?\d{1,15})\s+([+-]?\d{1,15})\s*$/.exec(line)
    if (!numbers) return undefined
    bytes += Number(numbers[1])
    messages += Number(numbers[2])
  }
  const isSum = lines.length > 0 && bytes >= 0 && messages >= 0
  return isSum ? { bytes, messages, lines: lines.length } : undefined
}

/** Milliseconds for which an "over quota" in a file is valid. Then the mailbox must be counted. */
const OVER_QUOTA_FOR = 15 * 60 * 1000

/**
 * Returns whether an "over quota" in a file is trusted: only if the file contains a single sum that was made
 * less than 15 minutes ago. Times are milliseconds since 1970.
 */
export function mayReportFull(file: { lines: number }, written: number, now: number): boolean {
  return file.lines <= 1 && now - written < OVER_QUOTA_FOR
}
