import { opendir } from 'node:fs/promises'
import type { Clocks } from '../../../ground/flow/clocks.ts'
import { limitConcurrency } from '../../../ground/flow/concurrency-limit.ts'
import { createInFlight } from '../../../ground/flow/in-flight.ts'
import { createLruCache } from '../../../ground/flow/lru-cache.ts'
import { type Directory, inMailbox } from './directory.ts'
import { type CountingTools, type DirectorySum, sumDirectory } from './directory-sum.ts'
import type { MailboxUse } from './limits.ts'
import type { MailboxPath } from './mailbox.ts'

/** The sum of a Maildir's messages. */
export type MaildirSum = Required<MailboxUse>

export interface Walker {
  /**
   * Counts a Maildir. Who asks while it is being counted gets the same count. Rejects
   * with the error of the system, or where that takes longer than `longest`.
   */
  count(mailbox: MailboxPath): Promise<MaildirSum | undefined>
  forget(): void
}

export interface WalkerOptions extends Clocks {
  /** Mailboxes of which the sums of directories are remembered. */
  readonly mailboxes: number
  /** Milliseconds after which a walk is given up; what it has summed up is kept for the next. */
  readonly longest: number
}

/** Directories read at once: the disk has no more arms. */
const AT_ONCE = 4
/** Mailboxes looked at at once: each has some descriptors meanwhile. */
const MAILBOXES_AT_ONCE = 64

/**
 * Counts Maildirs by their messages: `new` and `cur` of the Maildir and of each folder in
 * it, but for `.Trash` (maildirquota(7)). A directory that did not change since is not
 * read again, so one new message costs one directory. A folder that is a link is none.
 */
export function createWalker({ now, uptime, mailboxes, longest }: WalkerOptions): Walker {
  const sums = createLruCache<Map<string, DirectorySum>>(mailboxes)
  const underWay = createInFlight<MaildirSum | undefined>()
  const inTurn = limitConcurrency(AT_ONCE)
  const mailboxInTurn = limitConcurrency(MAILBOXES_AT_ONCE)

  async function walk(
    { path: maildir }: MailboxPath,
    directory: Directory,
  ): Promise<MaildirSum | undefined> {
    const until = uptime() + longest
    function checkTime(): void {
      if (uptime() > until) throw new Error('counting it took too long')
    }
    const tools = { now, inTurn, checkTime }
    const folders = await foldersOf(directory, checkTime)
    if (!folders) return undefined
    const known = sums.get(maildir)
    const found = new Map<string, DirectorySum>()
    const total = { bytes: 0, messages: 0 }
    try {
      await sumFolder(directory, '', known, tools)
      for (const name of folders) {
        const folder = await directory.open(name)
        if (!folder) continue
        try {
          await sumFolder(folder, `${name}/`, known, tools)
        } finally {
          await folder.close()
        }
      }
    } catch (error) {
      sums.set(maildir, new Map([...(known ?? []), ...found]))
      throw error
    }
    sums.set(maildir, found)
    return total

    async function sumFolder(
      folder: Directory,
      beginning: string,
      known: ReadonlyMap<string, DirectorySum> | undefined,
      tools: CountingTools,
    ): Promise<void> {
      for (const name of ['new', 'cur']) {
        const path = beginning + name
        const sum = await sumDirectory(folder, name, known?.get(path), tools)
        if (!sum) continue
        found.set(path, sum)
        total.bytes += sum.bytes
        total.messages += sum.messages
      }
    }
  }

  return {
    count(mailbox) {
      const { path } = mailbox
      const count = () =>
        mailboxInTurn(() => inMailbox(mailbox, (maildir) => walk(mailbox, maildir)))
      return underWay.get(path) ?? underWay.begin(path, count())
    },
    forget: () => sums.clear(),
  }
}

/** What may be folders, by their names; undefined if there is no Maildir. */
async function foldersOf(
  maildir: Directory,
  checkTime: () => void,
): Promise<readonly string[] | undefined> {
  const folders: string[] = []
  const names = await maildir.ask('', (path) => opendir(path, { encoding: 'latin1' as 'utf8' }))
  if (!names) return undefined
  for await (const { name } of names) {
    checkTime()
    if (/^\.[^.]/.test(name) && name !== '.Trash') folders.push(name)
  }
  return folders
}
