import { constants, lstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { errorText } from '../../../ground/errors/fault.ts'
import type { Clocks } from '../../../ground/flow/clocks.ts'
import { inTime, LATE } from '../../../ground/flow/deadline.ts'
import { createLruCache } from '../../../ground/flow/lru-cache.ts'
import { type Directory, inMailbox, pathBytes } from './directory.ts'
import { isFull } from './limits.ts'
import type { MailboxPath } from './mailbox.ts'
import { MAILDIRSIZE_MAX, type Maildirsize, maySayFull, parseMaildirsize } from './maildirsize.ts'
import { limitsOf, type MailboxReading, type Measure, type ReadMailbox } from './reading.ts'
import { createWalker } from './walk.ts'

export interface MaildirOptions extends Clocks {
  /** Milliseconds for which a question waits for a count, and before that for the list of users. */
  readonly budget: number
  /** Milliseconds after which a count that nobody waits for is given up. */
  readonly longest: number
  /** Mailboxes that are remembered. */
  readonly mailboxes: number
}

export interface MaildirSource {
  readonly read: ReadMailbox
  /** What was remembered of mailboxes. */
  forget(): void
}

/**
 * Whose mailbox it is may have put a FIFO there, which would be waited for, or a link to
 * what nobody else should open for him: with a link there is no such file.
 */
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** A file `maildirsize` as it was when it was read. */
interface RememberedSizeFile {
  readonly inode: number
  readonly size: number
  readonly written: number
  readonly file: Maildirsize
}

/**
 * Maildirs, with the quota file of Maildir++ where it is there and can be believed, else by
 * counting the messages. Writes nothing: not even a file that must be made anew, which is
 * left to whoever delivers.
 */
export function createMaildirSource(options: MaildirOptions): MaildirSource {
  const { now, budget } = options
  const files = createLruCache<RememberedSizeFile>(options.mailboxes)
  const walker = createWalker(options)

  /**
   * A file that was read lately is asked on the spot whether it has changed: its inode is in
   * the kernel's memory, and a turn through the thread pool costs ten times the call.
   */
  function unchanged(maildir: string): RememberedSizeFile | undefined {
    const known = files.get(maildir)
    if (!known) return undefined
    try {
      const stats = lstatSync(pathBytes(`${maildir}/maildirsize`), { throwIfNoEntry: false })
      return stats && isOf(known, stats) ? known : undefined
    } catch {
      return undefined // reading it will tell
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
      // Written meanwhile: the next question reads again.
      if (bytesRead === Math.min(stats.size, MAILDIRSIZE_MAX)) files.set(maildir, known)
      return known
    } finally {
      await handle?.close()
    }
  }

  /** The file's word, unless it must be confirmed. */
  function byFile(
    known: RememberedSizeFile | undefined,
    measure: Measure,
  ): MailboxReading | undefined {
    if (known?.file.says !== 'use') return undefined
    const { file } = known
    const full = isFull(file, limitsOf(measure, file.limits), measure.incoming)
    return full && !maySayFull(file, known.written, now()) ? undefined : reading(file)
  }

  async function byCounting(
    mailbox: MailboxPath,
    known: RememberedSizeFile | undefined,
    { waited = 0 }: Measure,
  ): Promise<MailboxReading> {
    const { file } = known ?? {}
    const walked = await inTime(walker.count(mailbox), Math.max(0, budget - waited))
    if (walked !== LATE) {
      if (!walked) return { found: 'no-mailbox' }
      return { found: 'use', use: walked, limits: file?.limits, source: 'walk' }
    }
    if (file?.says === 'use') return { ...reading(file), stale: true }
    return { found: 'trouble', why: `still being counted after ${budget} ms` }
  }

  async function thoroughly(mailbox: MailboxPath, measure: Measure): Promise<MailboxReading> {
    const { path } = mailbox
    try {
      const known = await inMailbox(mailbox, (directory) => readFile(path, directory))
      return byFile(known, measure) ?? (await byCounting(mailbox, known, measure))
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }

  return {
    read: (mailbox, measure) =>
      byFile(unchanged(mailbox.path), measure) ?? thoroughly(mailbox, measure),
    forget() {
      files.clear()
      walker.forget()
    },
  }
}

function reading(file: Maildirsize & { says: 'use' }): MailboxReading & { found: 'use' } {
  return { found: 'use', use: file, limits: file.limits, source: 'maildirsize' }
}

function isOf(
  known: RememberedSizeFile,
  stats: { ino: number; size: number; mtimeMs: number },
): boolean {
  return stats.mtimeMs === known.written && stats.size === known.size && stats.ino === known.inode
}
