import { opendir } from 'node:fs/promises'
import type { Clocks } from '../../../ground/flow/clocks.ts'
import { LruCache } from '../../../ground/flow/lru-cache.ts'
import { Semaphore } from '../../../ground/flow/semaphore.ts'
import { type Directory, withMailbox } from './directory.ts'
import { type CountingTools, type DirectorySum, sumDirectory } from './directory-sum.ts'
import type { MailboxUsage } from './limits.ts'
import type { MailboxLocation } from './mailbox.ts'

/** The sum of a Maildir's messages. */
export type MaildirSum = Required<MailboxUsage>

export interface Walker {
  /**
   * Counts the messages of a Maildir; undefined if it does not exist. Rejects with the error of the system, or if counting takes
   * longer than `longest`.
   */
  count(mailbox: MailboxLocation): Promise<MaildirSum | undefined>
  forget(): void
}

export interface WalkerOptions extends Clocks {
  /** How many mailboxes the sums of directories are remembered for. */
  readonly mailboxes: number
  /** Milliseconds after which a count is given up. The next one starts from its finished sums. */
  readonly longest: number
}

/** Directories read at once; more would not make a disk faster. */
const AT_ONCE = 4
/** Milliseconds after which the next directory is read, too: one that hangs keeps no other waiting. */
const TURN_MAX = 1000

/**
 * Counts the messages in `new` and `cur` of a Maildir and of each of its folders except `.Trash`
 * (maildirquota(7)). A directory that has not changed since the last count is not read again, so a
 * new message costs one directory. Links are not counted as folders.
 */
export function createWalker({ now, uptime, mailboxes, longest }: WalkerOptions): Walker {
  const sums = new LruCache<Map<string, DirectorySum>>(mailboxes)
  const turns = new Semaphore(AT_ONCE)

  async function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const release = await turns.acquire()
    const timer = setTimeout(() => release?.(), TURN_MAX)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      release?.()
    }
  }

  async function walk(
    { path: maildir }: MailboxLocation,
    directory: Directory,
  ): Promise<MaildirSum | undefined> {
    const until = uptime() + longest
    function checkTime(): void {
      if (uptime() > until) throw new Error('counting it took too long')
    }
    const folders = await foldersOf(directory, checkTime)
    if (!folders) return undefined
    const known = sums.get(maildir) ?? new Map<string, DirectorySum>()
    const counted = new Map<string, DirectorySum>()
    try {
      const tools = { now, inTurn, checkTime }
      for await (const [path, sum] of sumFolders(directory, folders, known, tools)) {
        counted.set(path, sum)
      }
    } catch (error) {
      sums.set(maildir, new Map([...known, ...counted]))
      throw error
    }
    sums.set(maildir, counted)
    return totalOf(counted)
  }

  return {
    count: (mailbox) => withMailbox(mailbox, (maildir) => walk(mailbox, maildir)),
    forget: () => sums.clear(),
  }
}

/** The names in the Maildir that folders have; undefined if there is no Maildir. */
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

/** Sums up `new` and `cur` of the Maildir and of its folders, by their paths in the Maildir. */
async function* sumFolders(
  maildir: Directory,
  folders: readonly string[],
  known: ReadonlyMap<string, DirectorySum>,
  tools: CountingTools,
): AsyncGenerator<readonly [path: string, sum: DirectorySum]> {
  yield* sumFolder(maildir, '', known, tools)
  for (const name of folders) {
    const folder = await maildir.open(name)
    if (!folder) continue
    try {
      yield* sumFolder(folder, `${name}/`, known, tools)
    } finally {
      await folder.close()
    }
  }
}

async function* sumFolder(
  folder: Directory,
  beginning: string,
  known: ReadonlyMap<string, DirectorySum>,
  tools: CountingTools,
): AsyncGenerator<readonly [path: string, sum: DirectorySum]> {
  for (const name of ['new', 'cur']) {
    const path = beginning + name
    const sum = await sumDirectory(folder, name, known.get(path), tools)
    if (sum) yield [path, sum]
  }
}

function totalOf(sums: ReadonlyMap<string, DirectorySum>): MaildirSum {
  const total = { bytes: 0, messages: 0 }
  for (const { bytes, messages } of sums.values()) {
    total.bytes += bytes
    total.messages += messages
  }
  return total
}
