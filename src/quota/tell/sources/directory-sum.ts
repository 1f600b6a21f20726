import { lstat, opendir } from 'node:fs/promises'
import type { ConcurrencyLimit } from '../../../ground/flow/semaphore.ts'
import type { Directory } from './directory.ts'
import type { MailboxUsage } from './limits.ts'

/** The sum of the messages in one directory, and the state of the directory that it is valid for. */
export interface DirectorySum extends Required<MailboxUsage> {
  /** When the directory was changed: milliseconds since 1970, with fractions. */
  readonly changed: number
  readonly inode: number
}

export interface CountingTools {
  /** Milliseconds since 1970, as files tell their times. */
  readonly now: () => number
  readonly inTurn: ConcurrencyLimit
  /** Throws an Error if the count has taken too long. */
  checkTime(): void
}

/**
 * Milliseconds for which a directory must be unchanged before its time of change can be relied on,
 * since a file system may count in whole seconds.
 */
const SETTLED = 2000
/** How many names are read in one call. */
const NAMES_AT_ONCE = 1000
/** How many files are asked for their size before a look at the clock. */
const FILES_AT_ONCE = 64

/**
 * Sums up `new` or `cur` of a folder. Returns the known sum if the directory has not changed since,
 * and undefined if there is no such directory or it is a link. Only files count as messages.
 * Rejects with the error of the system, or if the count has taken too long.
 */
export async function sumDirectory(
  folder: Directory,
  name: string,
  known: DirectorySum | undefined,
  tools: CountingTools,
): Promise<DirectorySum | undefined> {
  tools.checkTime()
  const state = await stateOf(folder, name)
  if (!state) return undefined
  if (known && state.changed === known.changed && state.inode === known.inode) return known
  // A directory that changed a moment ago may change again within the same time stamp.
  const settled = tools.now() - state.changed > SETTLED
  const sum = await tools.inTurn(() => addUp(folder, name, tools))
  return { ...sum, inode: state.inode, changed: settled ? state.changed : Number.NaN }
}

async function stateOf(
  folder: Directory,
  name: string,
): Promise<{ changed: number; inode: number } | undefined> {
  const stats = await folder.ask(name, (path) => lstat(path))
  return stats?.isDirectory() ? { changed: stats.mtimeMs, inode: stats.ino } : undefined
}

async function addUp(
  folder: Directory,
  name: string,
  { checkTime }: CountingTools,
): Promise<Required<MailboxUsage>> {
  checkTime()
  const sum = { bytes: 0, messages: 0 }
  const directory = await folder.open(name)
  if (!directory) return sum
  try {
    await readNames(directory)
    return sum // even if it is too late by now, so that the next count can use the sum
  } finally {
    await directory.close()
  }

  async function readNames(directory: Directory): Promise<void> {
    const names = await directory.ask('', (path) =>
      opendir(path, { encoding: 'latin1' as 'utf8', bufferSize: NAMES_AT_ONCE }),
    )
    if (!names) return
    let unsized: string[] = []
    for await (const { name } of names) {
      if (!isCounted(name)) continue
      const bytes = sizeByName(name)
      if (bytes === undefined) unsized.push(name)
      else add(sum, bytes)
      if (unsized.length < FILES_AT_ONCE) continue
      await askFiles(directory, unsized)
      unsized = []
      checkTime()
    }
    await askFiles(directory, unsized)
  }

  async function askFiles(directory: Directory, names: readonly string[]): Promise<void> {
    // One at a time, since each call may hold a thread.
    for (const name of names) {
      const file = await directory.ask(name, (path) => lstat(path))
      if (file?.isFile()) add(sum, file.size)
    }
  }
}

function add(sum: { bytes: number; messages: number }, bytes: number): void {
  sum.bytes += bytes
  sum.messages++
}

/**
 * The bytes of a message by the `,S=NNN` in its file name (maildirquota(7)). Undefined if there is
 * none or it is malformed: then the file must be asked.
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
