import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { errorText } from '../../base/errors/fault.ts'
import { LruCache } from '../../base/flow/cache.ts'
import { TIMED_OUT, withTimeout } from '../../base/flow/timeout.ts'
import { formatDuration } from '../../base/text/units.ts'
import type { MailboxLocation } from './mailbox-location.ts'
import { MailboxReads } from './mailbox-reads.ts'
import {
  type Clocks,
  isFull,
  limitsOf,
  type MailboxResult,
  type Measure,
  READ_TIMEOUT,
  REMEMBERED_MAX,
} from './mailbox-result.ts'
import {
  MAILDIRSIZE_MAX,
  type Maildirsize,
  mayReportFull,
  parseMaildirsize,
} from './maildirsize.ts'
import { type Directory, pathBytes, withMailbox } from './open-mailbox.ts'
import type { MaildirSum } from './sum-directory.ts'
import { Walker } from './walk.ts'

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
  readonly #looks: MailboxReads<RememberedSizeFile | undefined>
  readonly #counts: MailboxReads<MaildirSum | undefined>

  constructor(timeout: number, clocks: Clocks) {
    this.#now = clocks.now
    this.#timeout = timeout
    this.#looks = new MailboxReads(clocks.uptime, READ_TIMEOUT)
    this.#counts = new MailboxReads(clocks.uptime, READ_TIMEOUT)
    this.#walker = new Walker(clocks)
  }

  /** Reads a mailbox. Never rejects. */
  async read(mailbox: MailboxLocation, measure: Measure): Promise<MailboxResult> {
    try {
      const known = await this.#looks.read(mailbox.path, () => this.#look(mailbox))
      return this.#byFile(known, measure) ?? (await this.#byCounting(mailbox, known, measure))
    } catch (error) {
      return { kind: 'trouble', reason: errorText(error) }
    }
  }

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

  /** Returns the result by the file's sum, or undefined if the mailbox must be counted. */
  #byFile(known: RememberedSizeFile | undefined, measure: Measure): MailboxResult | undefined {
    const { usage, limits } = known?.file ?? {}
    if (usage === undefined) return undefined
    const reportsFull = isFull(usage, limitsOf(measure, limits), measure.incoming)
    if (reportsFull && !mayReportFull(usage, known!.written, this.#now())) return undefined
    return { kind: 'usage', usage, limits, source: 'maildirsize' }
  }

  async #byCounting(
    mailbox: MailboxLocation,
    known: RememberedSizeFile | undefined,
    { waited = 0 }: Measure,
  ): Promise<MailboxResult> {
    const { file } = known ?? {}
    const counted = this.#counts.read(mailbox.path, () => this.#walker.count(mailbox))
    const usage = await withTimeout(counted, Math.max(0, this.#timeout - waited))
    if (usage === undefined) return { kind: 'no-mailbox' }
    if (usage !== TIMED_OUT) return { kind: 'usage', usage, limits: file?.limits, source: 'walk' }
    // An untrusted "full" in a file is ignored: mail for the mailbox would be deferred.
    return {
      kind: 'trouble',
      reason: `still being counted after ${formatDuration(this.#timeout)}`,
    }
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
