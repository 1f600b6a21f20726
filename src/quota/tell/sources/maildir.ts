import { constants, lstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { errorText } from '../../../ground/errors/fault.ts'
import type { Clocks } from '../../../ground/flow/clocks.ts'
import { inTime, LATE } from '../../../ground/flow/deadline.ts'
import { LruCache } from '../../../ground/flow/lru-cache.ts'
import { type Directory, pathBytes, withMailbox } from './directory.ts'
import { isFull } from './limits.ts'
import type { MailboxLocation } from './mailbox.ts'
import { MAILDIRSIZE_MAX, type Maildirsize, maySayFull, parseMaildirsize } from './maildirsize.ts'
import { limitsOf, type MailboxReading, type Measure, type ReadMailbox } from './reading.ts'
import { createWalker } from './walk.ts'

export interface MaildirOptions extends Clocks {
  /** Milliseconds for which a question waits for the list of users and for a count together. */
  readonly budget: number
  /** Milliseconds after which a count that nobody waits for is given up. */
  readonly longest: number
  /** How many mailboxes are remembered. */
  readonly mailboxes: number
}

export interface MaildirSource {
  readonly read: ReadMailbox
  /** Forgets all files and sums. */
  forget(): void
}

/**
 * The owner of the mailbox may have put something else in the place of the file: opening a FIFO
 * must not wait, and a link, which may lead where the owner has no access, must not be followed.
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
 * Reads Maildirs. If there is a file `maildirsize` (Maildir++) that can be believed, its sum is
 * taken, else the messages are counted. Nothing is written: a file that must be made anew is left
 * to the program that delivers.
 */
export function createMaildirSource(options: MaildirOptions): MaildirSource {
  const { now, budget } = options
  const files = new LruCache<RememberedSizeFile>(options.mailboxes)
  const walker = createWalker(options)

  /**
   * Returns the remembered file if it has not changed. This blocks in lstat(2), since the inode is
   * in the kernel's memory, and the way through the thread pool would cost ten times as much.
   */
  function unchanged(maildir: string): RememberedSizeFile | undefined {
    const known = files.get(maildir)
    if (!known) return undefined
    try {
      const stats = lstatSync(pathBytes(`${maildir}/maildirsize`), { throwIfNoEntry: false })
      return stats && isSameState(known, stats) ? known : undefined
    } catch {
      return undefined // reading the file will meet the error again, and report it
    }
  }

  async function readFile(
    maildir: string,
    directory: Directory,
  ): Promise<RememberedSizeFile | undefined> {
    let handle: FileHandle | undefined
    try {
      files.delete(maildir)
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
      // If the file was written meanwhile, it is not remembered, and the next question reads again.
      if (bytesRead === Math.min(stats.size, MAILDIRSIZE_MAX)) files.set(maildir, known)
      return known
    } finally {
      await handle?.close()
    }
  }

  /** The reading by the file's sum; undefined if the mailbox must be counted. */
  function byFile(
    known: RememberedSizeFile | undefined,
    measure: Measure,
  ): MailboxReading | undefined {
    if (known?.file.says !== 'usage') return undefined
    const { file } = known
    const full = isFull(file, limitsOf(measure, file.limits), measure.incoming)
    return full && !maySayFull(file, known.written, now()) ? undefined : readingOf(file)
  }

  async function byCounting(
    mailbox: MailboxLocation,
    known: RememberedSizeFile | undefined,
    { waited = 0 }: Measure,
  ): Promise<MailboxReading> {
    const { file } = known ?? {}
    const usage = await inTime(walker.count(mailbox), Math.max(0, budget - waited))
    if (usage === undefined) return { found: 'no-mailbox' }
    if (usage !== LATE) return { found: 'usage', usage, limits: file?.limits, source: 'walk' }
    // A file that says "full" and is not trusted says nothing: mail for the mailbox would be deferred.
    return { found: 'trouble', why: `still being counted after ${budget} ms` }
  }

  async function readAnew(mailbox: MailboxLocation, measure: Measure): Promise<MailboxReading> {
    const { path } = mailbox
    try {
      const known = await withMailbox(mailbox, (directory) => readFile(path, directory))
      return byFile(known, measure) ?? (await byCounting(mailbox, known, measure))
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }

  return {
    read: (mailbox, measure) =>
      byFile(unchanged(mailbox.path), measure) ?? readAnew(mailbox, measure),
    forget() {
      files.clear()
      walker.forget()
    },
  }
}

function readingOf(file: Maildirsize & { says: 'usage' }): MailboxReading & { found: 'usage' } {
  return { found: 'usage', usage: file, limits: file.limits, source: 'maildirsize' }
}

function isSameState(
  known: RememberedSizeFile,
  stats: { ino: number; size: number; mtimeMs: number },
): boolean {
  return stats.mtimeMs === known.written && stats.size === known.size && stats.ino === known.inode
}
