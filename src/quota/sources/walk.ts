import { opendir } from 'node:fs/promises'
import { LruCache } from '../../base/flow/cache.ts'
import { Semaphore } from '../../base/flow/semaphore.ts'
import type { MailboxLocation } from './mailbox-location.ts'
import { type Clocks, READ_TIMEOUT, REMEMBERED_MAX } from './mailbox-result.ts'
import { type Directory, withMailbox } from './open-mailbox.ts'
import {
  type CountingTools,
  type DirectorySum,
  type MaildirSum,
  sumDirectory,
} from './sum-directory.ts'

/** Directories read concurrently. More would not make a disk faster. */
const DIRECTORIES_MAX = 4
/** Milliseconds after which the next directory is read, too: one that hangs keeps no other waiting. */
const TURN_MAX = 1000

/**
 * Counts the messages in `new` and `cur` of a Maildir and of each of its folders except `.Trash`
 * (maildirquota(7)). A directory that has not changed since the last count is not read again, so a
 * new message costs one directory. Links are not counted as folders.
 */
export class Walker {
  readonly #clocks: Clocks
  readonly #longest: number
  readonly #sums = new LruCache<Map<string, DirectorySum>>(REMEMBERED_MAX)
  readonly #permits = new Semaphore(DIRECTORIES_MAX)

  /** A count is given up after `longest` milliseconds. */
  constructor(clocks: Clocks, longest = READ_TIMEOUT) {
    this.#clocks = clocks
    this.#longest = longest
  }

  /**
   * Counts the messages of a Maildir. Resolves to undefined if it does not exist. Rejects with the error of
   * the system, or if counting takes too long. The next count starts from the sums that this one has
   * finished.
   */
  count(mailbox: MailboxLocation): Promise<MaildirSum | undefined> {
    return withMailbox(mailbox, (directory) => this.#walk(mailbox.path, directory))
  }

  forget(): void {
    this.#sums.clear()
  }

  async #walk(maildir: string, directory: Directory): Promise<MaildirSum | undefined> {
    const { now, uptime } = this.#clocks
    const until = uptime() + this.#longest
    function checkTime(): void {
      if (uptime() > until) throw new Error('counting it took too long')
    }
    const folders = await foldersOf(directory, checkTime)
    if (!folders) return undefined
    const known = this.#sums.get(maildir) ?? new Map<string, DirectorySum>()
    const counted = new Map<string, DirectorySum>()
    const tools: CountingTools = { now, withPermit: (work) => this.#withPermit(work), checkTime }
    const sumFolder = async (folder: Directory, beginning: string) => {
      for (const name of ['new', 'cur']) {
        const path = beginning + name
        const sum = await sumDirectory(folder, name, known.get(path), tools)
        if (sum) counted.set(path, sum)
      }
    }
    try {
      await sumFolder(directory, '')
      for (const name of folders) {
        const folder = await directory.open(name)
        if (folder) await sumFolder(folder, `${name}/`).finally(() => folder.close())
      }
    } catch (error) {
      this.#sums.set(maildir, new Map([...stillThere(known, folders), ...counted]))
      throw error
    }
    this.#sums.set(maildir, counted)
    return totalOf(counted)
  }

  async #withPermit<Value>(work: () => Promise<Value>): Promise<Value> {
    const release = await this.#permits.acquire()
    const timer = setTimeout(() => release?.(), TURN_MAX)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      release?.()
    }
  }
}

/** Resolves to the names of folders in the Maildir, or undefined if there is no Maildir. */
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

/**
 * Yields the sums of the Maildir itself and of these folders. The sums of folders that were removed or
 * renamed are dropped, even if no count ever completes: users can make new names without end.
 */
function* stillThere(
  known: ReadonlyMap<string, DirectorySum>,
  folders: readonly string[],
): Generator<readonly [path: string, sum: DirectorySum]> {
  const beginnings = new Set(['', ...folders.map((name) => `${name}/`)])
  for (const [path, sum] of known) {
    if (beginnings.has(path.slice(0, path.lastIndexOf('/') + 1))) yield [path, sum]
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
