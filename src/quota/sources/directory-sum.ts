import { opendir, stat } from 'node:fs/promises'
import { errorCode } from '../../fault.ts'
import type { Use } from './limits.ts'
import { counts, sizeByName } from './message-size.ts'
import { pathBytes } from './path-bytes.ts'
import type { InTurn } from './turns.ts'

/** What the messages in one directory come to, and the state of the directory for which that holds. */
export interface DirectorySum extends Required<Use> {
  /** Milliseconds, with fractions. */
  readonly changed: number
  readonly inode: number
}

export interface CountingTools {
  readonly now: () => number
  readonly inTurn: InTurn
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
 * Sums up `new` or `cur`; what was known before is kept where the directory did not change.
 * A directory that is not there, or vanishes meanwhile, is empty. Rejects with the error of
 * the system, or once it is too late.
 */
export async function sumDirectory(
  path: string,
  known: DirectorySum | undefined,
  tools: CountingTools,
): Promise<DirectorySum | undefined> {
  tools.checkTime()
  const state = await stateOf(path)
  if (!state) return undefined
  if (known && state.changed === known.changed && state.inode === known.inode) return known
  // Changed a moment ago, it may change once more without showing it.
  const settled = tools.now() - state.changed > SETTLED
  const sum = await tools.inTurn(() => addUp(path, tools))
  return { ...sum, inode: state.inode, changed: settled ? state.changed : Number.NaN }
}

async function stateOf(path: string): Promise<{ changed: number; inode: number } | undefined> {
  const stats = await unlessGone(stat(pathBytes(path)))
  return stats?.isDirectory() ? { changed: stats.mtimeMs, inode: stats.ino } : undefined
}

async function addUp(path: string, { checkTime }: CountingTools): Promise<Required<Use>> {
  checkTime()
  const sum = { bytes: 0, messages: 0 }
  const directory = await unlessGone(
    opendir(pathBytes(path), { encoding: 'latin1' as 'utf8', bufferSize: NAMES_AT_ONCE }),
  )
  if (!directory) return sum
  let unsized: string[] = []
  for await (const { name } of directory) {
    if (!counts(name)) continue
    const bytes = sizeByName(name)
    if (bytes === undefined) unsized.push(name)
    else add(sum, bytes)
    if (unsized.length < FILES_AT_ONCE) continue
    await askFiles(unsized)
    unsized = []
    checkTime()
  }
  await askFiles(unsized)
  return sum // late or not: the next count need not do it again

  async function askFiles(names: readonly string[]): Promise<void> {
    const files = names.map((name) => unlessGone(stat(pathBytes(`${path}/${name}`))))
    for (const file of await Promise.all(files)) if (file) add(sum, file.size)
  }
}

function add(sum: { bytes: number; messages: number }, bytes: number): void {
  sum.bytes += bytes
  sum.messages++
}

/** Mail is moved and removed while it is counted. */
async function unlessGone<Value>(looked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await looked
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errorCode(error))) return undefined
    throw error
  }
}
