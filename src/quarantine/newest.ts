import type { PathHandle } from '../ground/path/walk.ts'
import { daysOf, entryAt, groundsIn, type QuarantineEntry } from './entries.ts'
import { findFolder, MAILDIR_PARTS } from './folders.ts'
import { byAge } from './names.ts'
import { visitNames } from './visit-names.ts'

/**
 * Lists the newest messages that nobody has released, at most so many, the newest first. Looks at the
 * names of as few days as have them, in slices, and holds no more than twice as many.
 * Rejects if the directory is no quarantine, and at the signal.
 */
export async function newestEntries(
  root: PathHandle,
  most: number,
  signal?: AbortSignal,
): Promise<readonly QuarantineEntry[]> {
  const allGrounds = groundsIn(root)
  const daysOfAll = allGrounds.map((grounds) => [grounds, new Set(daysOf(root, grounds))] as const)
  const days = new Set(daysOfAll.flatMap(([, some]) => [...some]))
  let found: QuarantineEntry[] = []
  const cut = () => {
    found = found.sort(byAge).slice(-most)
  }
  const take = (entry: QuarantineEntry | undefined) => {
    if (entry === undefined || entry.state === 'released') return
    found.push(entry)
    if (found.length >= 2 * most) cut()
  }
  for (const day of [...days].sort().reverse()) {
    for (const [grounds, some] of daysOfAll) {
      if (!some.has(day)) continue
      const folder = findFolder(root, grounds, day)
      if (folder === undefined) continue
      try {
        for (const part of MAILDIR_PARTS) {
          await visitNames(
            folder,
            part,
            (file) => take(entryAt({ grounds, day, part, file })),
            signal,
          )
        }
      } finally {
        folder.close()
      }
    }
    if (found.length >= most) break
  }
  cut()
  return found.reverse()
}
