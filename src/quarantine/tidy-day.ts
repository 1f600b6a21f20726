import { closeSync } from 'node:fs'
import { opendir, rmdir, stat, unlink } from 'node:fs/promises'
import { type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { entryAt } from './entries.ts'
import { type Folder, MAILDIR_PARTS, stepIfThere, withFolder } from './folders.ts'
import { visitNames } from './visit-names.ts'

/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const USELESS_AFTER = 36 * 60 * 60 * 1000
/** Milliseconds from the beginning of a day on in which a process may write into its folder. */
const IN_USE_FOR = 2 * 86_400_000

/**
 * Removes what killed processes left in tmp/ of a day, and the folder of the day if it is empty.
 * Messages that are not older than `oldest`, unix seconds, stay. `now` is in unix milliseconds.
 * Rejects at the signal.
 */
export async function tidyDay(
  root: PathHandle,
  { grounds, day }: { readonly grounds: string; readonly day: string },
  oldest: number,
  now: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let hasNothing = false
  await withFolder(root, grounds, day, async (folder) => {
    const removeUseless = async (file: string, path: string) => {
      const stats = await stat(path).catch(() => undefined)
      if (stats === undefined) return
      // A message that is being released is here, also if the process that released it was killed.
      const message = entryAt({ grounds, day, part: 'tmp', file })
      if (message !== undefined && message.seconds >= oldest) return
      const touched = message === undefined ? stats.mtimeMs : stats.ctimeMs // rename(2) sets ctime
      if (now - touched > USELESS_AFTER) await unlink(path).catch(() => {})
    }
    await visitNames(folder, 'tmp', removeUseless, signal)
    hasNothing = await isEmpty(folder)
  })
  if (hasNothing && now - Date.parse(day) >= IN_USE_FOR) await removeFolder(root, grounds, day)
}

/** Removes the folder of a day, unless somebody has put something there. */
async function removeFolder(root: PathHandle, grounds: string, day: string): Promise<void> {
  const maildir = stepIfThere(root, grounds)
  if (maildir === undefined) return
  try {
    const path = `${procPathOf(maildir)}/.${day}`
    for (const part of MAILDIR_PARTS) await rmdir(`${path}/${part}`)
    await rmdir(path)
  } catch {
    // Somebody has put something there, or removed it.
  } finally {
    closeSync(maildir.fd)
  }
}

/** Whether all parts are empty: a folder without one of them would be no Maildir. */
async function isEmpty({ parts }: Folder): Promise<boolean> {
  for (const part of Object.values(parts)) {
    const directory = await opendir(`${procPathOf(part)}/.`)
    try {
      if ((await directory.read()) !== null) return false
    } finally {
      await directory.close()
    }
  }
  return true
}
