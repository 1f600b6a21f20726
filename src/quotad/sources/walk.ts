import { lstat, opendir } from 'node:fs/promises'
import { LruCache } from '../../lib/flow/cache.ts'
import { Semaphore } from '../../lib/flow/semaphore.ts'
import type { MailboxLocation } from './mailbox.ts'
import { type Directory, withMailbox } from './open-mailbox.ts'
import { type Clocks, type MailboxUsage, READING_MAX, REMEMBERED_MAX } from './reading.ts'

/** The sum of a Maildir's messages. */
export type MaildirSum = Required<MailboxUsage>

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
  constructor(clocks: Clocks, longest = READING_MAX) {
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

/**
 * The sum of the messages in one directory, and the state of the directory for which the sum is
 * valid.
 */
interface DirectorySum extends MaildirSum {
  /** The time of its last change: milliseconds since 1970, with fractions. */
  readonly changed: number
  readonly inode: number
}

interface CountingTools {
  /** Milliseconds since 1970, as in the times of files. */
  readonly now: () => number
  readonly withPermit: <Value>(work: () => Promise<Value>) => Promise<Value>
  /** Throws an Error if the count has taken too long. */
  checkTime(): void
}

/**
 * Milliseconds for which a directory must be unchanged before its time of change can be relied on, because a
 * file system may count in whole seconds.
 */
const SETTLED = 2000
/** The number of names that are read in one call. */
const NAMES_PER_READ = 1000
/** The number of files whose size is read before the clock is checked. */
const FILES_PER_CHECK = 64

/**
 * Sums up `new` or `cur` of a folder. Resolves to the known sum if the directory has not changed since, and
 * to undefined if there is no such directory or it is a link. Only files count as messages. Rejects with the
 * error of the system, or if the count has taken too long.
 */
export async function sumDirectory(
  folder: Directory,
  name: string,
  known: DirectorySum | undefined,
  tools: CountingTools,
): Promise<DirectorySum | undefined> {
  tools.checkTime()
  const stats = await folder.ask(name, (path) => lstat(path))
  if (!stats?.isDirectory()) return undefined
  const { mtimeMs: changed, ino: inode } = stats
  if (known && changed === known.changed && inode === known.inode) return known
  // A directory that changed a moment ago may change again within the same time stamp.
  const isSettled = tools.now() - changed > SETTLED
  const sum = await tools.withPermit(() => addUp(folder, name, tools))
  return { ...sum, inode, changed: isSettled ? changed : Number.NaN }
}

async function addUp(
  folder: Directory,
  name: string,
  { checkTime }: CountingTools,
): Promise<MaildirSum> {
  checkTime()
  const sum = { bytes: 0, messages: 0 }
  const add = (bytes: number) => {
    sum.bytes += bytes
    sum.messages++
  }
  const directory = await folder.open(name)
  if (!directory) return sum
  const unsized: string[] = []
  const askFiles = async () => {
    // One at a time, because each call may hold a thread.
    for (const file of unsized.splice(0)) {
      const stats = await directory.ask(file, (path) => lstat(path))
      if (stats?.isFile()) add(stats.size)
    }
  }
  try {
    const options = { encoding: 'latin1' as 'utf8', bufferSize: NAMES_PER_READ }
    const names = await directory.ask('', (path) => opendir(path, options))
    for await (const { name } of names ?? []) {
      if (!isCounted(name)) continue
      const bytes = sizeByName(name)
      if (bytes === undefined) unsized.push(name)
      else add(bytes)
      if (unsized.length < FILES_PER_CHECK) continue
      await askFiles()
      checkTime()
    }
    await askFiles()
    return sum // even after the deadline, so that the next count can use the sum
  } finally {
    await directory.close()
  }
}

/**
 * Returns the bytes of a message by the `,S=NNN` in its file name (maildirquota(7)). Returns undefined if
 * there is none or it is malformed: then the size of the file must be read.
 */
function sizeByName(name: string): number | undefined {
  const [, digits] = /,S=(\d{1,15})(?:[:,]|$)/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Dot files are not messages, and messages marked as trash (flag T after `:2,`) do not count. */
function isCounted(name: string): boolean {
  if (name.startsWith('.')) return false
  const flags = name.lastIndexOf(':2,')
  return flags < 0 || !name.includes('T', flags + 3)
}
