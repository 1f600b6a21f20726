import { lstat, opendir } from 'node:fs/promises'
import type { MailboxUsage } from './mailbox-result.ts'
import type { Directory } from './open-mailbox.ts'

/** The sum of a Maildir's messages. */
export type MaildirSum = Required<MailboxUsage>

/**
 * The sum of the messages in one directory, and the state of the directory for which the sum is
 * valid.
 */
export interface DirectorySum extends MaildirSum {
  /** The time of its last change: milliseconds since 1970, with fractions. */
  readonly changed: number
  readonly inode: number
}

export interface CountingTools {
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
    for await (const { name: file } of names ?? []) {
      if (!isCounted(file)) continue
      const bytes = sizeByName(file)
      if (bytes === undefined) unsized.push(file)
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
