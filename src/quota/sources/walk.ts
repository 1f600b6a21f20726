import { opendir } from 'node:fs/promises'
import { errorCode } from '../../fault.ts'
import { type DirectorySum, sumDirectory } from './directory-sum.ts'
import type { Use } from './limits.ts'
import { pathBytes } from './path-bytes.ts'
import { createMemory } from './remember.ts'
import { createTurns } from './turns.ts'

/** What a Maildir holds by its messages; undefined where there is no such Maildir. */
export type Counted = Required<Use> | undefined

export interface Walker {
  /**
   * Counts a Maildir. Who asks while it is being counted gets the same count. Rejects
   * with the error of the system, or where that takes longer than `longest`.
   */
  count(maildir: string): Promise<Counted>
  forget(): void
}

export interface WalkerOptions {
  readonly now: () => number
  /** Mailboxes of which the sums of directories are remembered. */
  readonly mailboxes: number
  /** Milliseconds after which a walk is given up; what it has summed up is kept for the next. */
  readonly longest: number
}

/** Directories read at once: the disk has no more arms. */
const AT_ONCE = 4

/**
 * Counts Maildirs by their messages: `new` and `cur` of the Maildir and of each folder in
 * it, but for `.Trash` (maildirquota(7)). A directory that did not change since is not
 * read again, so one new message costs one directory.
 */
export function createWalker({ now, mailboxes, longest }: WalkerOptions): Walker {
  const sums = createMemory<Map<string, DirectorySum>>(mailboxes)
  const underWay = new Map<string, Promise<Counted>>()
  const inTurn = createTurns(AT_ONCE)

  async function walk(maildir: string): Promise<Counted> {
    const until = now() + longest
    function checkTime(): void {
      if (now() > until) throw new Error('counting it took too long')
    }
    const tools = { now, inTurn, checkTime }
    const folders = await foldersOf(maildir, checkTime)
    if (!folders) return undefined
    const known = sums.get(maildir)
    const found = new Map<string, DirectorySum>()
    const total = { bytes: 0, messages: 0 }
    try {
      for (const folder of folders) {
        for (const path of [`${folder}new`, `${folder}cur`]) {
          const sum = await sumDirectory(`${maildir}/${path}`, known?.get(path), tools)
          if (!sum) continue
          found.set(path, sum)
          total.bytes += sum.bytes
          total.messages += sum.messages
        }
      }
    } catch (error) {
      sums.set(maildir, new Map([...(known ?? []), ...found]))
      throw error
    }
    sums.set(maildir, found)
    return total
  }

  return {
    count(maildir) {
      let counted = underWay.get(maildir)
      if (!counted) {
        counted = walk(maildir).finally(() => underWay.delete(maildir))
        underWay.set(maildir, counted)
      }
      return counted
    },
    forget: () => sums.clear(),
  }
}

/** The Maildir itself and its folders, as beginnings of paths in it; undefined where there is none. */
async function foldersOf(
  maildir: string,
  checkTime: () => void,
): Promise<readonly string[] | undefined> {
  const folders = ['']
  try {
    const directory = await opendir(pathBytes(maildir), { encoding: 'latin1' as 'utf8' })
    for await (const { name } of directory) {
      checkTime()
      if (/^\.[^.]/.test(name) && name !== '.Trash') folders.push(`${name}/`)
    }
    return folders
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errorCode(error))) return undefined
    throw error
  }
}
