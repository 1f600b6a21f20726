import { lstat, opendir } from 'node:fs/promises'
import type { ConcurrencyLimit } from '../../../ground/flow/concurrency-limit.ts'
import type { Directory } from './directory.ts'
import type { MailboxUse } from './limits.ts'

/** What the messages in one directory come to, and the state of the directory for which that holds. */
export interface DirectorySum extends Required<MailboxUse> {
  /** Milliseconds, with fractions. */
  readonly changed: number
  readonly inode: number
}

export interface CountingTools {
  /** Milliseconds since 1970, as files tell their times. */
  readonly now: () => number
  readonly inTurn: ConcurrencyLimit
  /** Throws an Error once the count took too long. */
  checkTime(): void
}

/**
 * Milliseconds for which a directory must have been left alone before its time of change
 * can be relied on: a file system may count in whole seconds.
 */
const SETTLED = 2000
/** Names read at once, and files asked at once. */
const NAMES_AT_ONCE = 1000
const FILES_AT_ONCE = 64

/**
 * Sums up `new` or `cur` of a folder; what was known before is kept where it did not change.
 * A directory that is not there, vanishes meanwhile, or is a link, is empty, and what is no
 * file in it is no message. Rejects with the error of the system, or once it is too late.
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
  // Changed a moment ago, it may change once more without showing it.
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
): Promise<Required<MailboxUse>> {
  checkTime()
  const sum = { bytes: 0, messages: 0 }
  const place = await folder.open(name)
  if (!place) return sum
  try {
    await readNames(place)
    return sum // late or not: the next count need not do it again
  } finally {
    await place.close()
  }

  async function readNames(place: Directory): Promise<void> {
    const names = await place.ask('', (path) =>
      opendir(path, { encoding: 'latin1' as 'utf8', bufferSize: NAMES_AT_ONCE }),
    )
    if (!names) return
    let unsized: string[] = []
    for await (const { name } of names) {
      if (!counts(name)) continue
      const bytes = sizeByName(name)
      if (bytes === undefined) unsized.push(name)
      else add(sum, bytes)
      if (unsized.length < FILES_AT_ONCE) continue
      await askFiles(place, unsized)
      unsized = []
      checkTime()
    }
    await askFiles(place, unsized)
  }

  async function askFiles(place: Directory, names: readonly string[]): Promise<void> {
    const files = names.map((name) => place.ask(name, (path) => lstat(path)))
    for (const file of await Promise.all(files)) if (file?.isFile()) add(sum, file.size)
  }
}

function add(sum: { bytes: number; messages: number }, bytes: number): void {
  sum.bytes += bytes
  sum.messages++
}

/**
 * Whether a file name of `new` or `cur` counts, and as how many bytes: `,S=NNN` where it is
 * there and well formed (maildirquota(7)), else undefined, and the file must be asked.
 */
function sizeByName(name: string): number | undefined {
  const [, digits] = /,S=(\d{1,15})(?:[:,]|$)/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Neither dot files nor messages that are marked as trash (flag T behind `:2,`). */
function counts(name: string): boolean {
  if (name.startsWith('.')) return false
  const flags = name.lastIndexOf(':2,')
  return flags < 0 || !name.includes('T', flags + 3)
}
