import { access } from 'node:fs/promises'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { nameOfEntry, type OpenMessage, type QuarantineEntry, withEntry } from './entries.ts'
import type { Folder, MaildirFile } from './folders.ts'
import { NotDone, releasedBefore } from './not-done.ts'
import { openEntry } from './record.ts'
import { ownTaker, stillRuns, takerText } from './taker.ts'

/** A message that this process is releasing, and that no other process can take meanwhile. */
export interface Release {
  readonly opened: OpenMessage
  /**
   * Ends the release of a message that was passed on. The message stays, in cur/ with the flag P ("passed",
   * maildir(5)).
   */
  finish(): Promise<void>
  /**
   * Ends the release of a message that was not passed on. The message stays unchanged: if a release was
   * interrupted before, it may have been delivered then.
   */
  cancel(): Promise<void>
  /** Ends the release of a message that may have been passed on: it counts as interrupted. */
  leave(): Promise<void>
}

/**
 * Takes a message in order to pass it on. If several processes try, rename(2) succeeds for one of them. When
 * this resolves, the message is marked as taken on the disk. Rejects with a Fault if there is no message with
 * that id, or if another process is releasing it. Without `mayRepeat` it also rejects if the message was released
 * before, or if its release was interrupted: only `mayRepeat` and deleteEntry() end that state.
 */
export function beginRelease(root: PathHandle, id: string, mayRepeat: boolean): Promise<Release> {
  return withEntry(root, id, async (entry, folder) => {
    if (entry.state === 'released' && !mayRepeat) throw releasedBefore(id)
    await refuseWhileReleased(folder, entry)
    if (entry.state === 'releasing' && !mayRepeat) {
      const reason = 'a release of it was interrupted, and it may have been delivered'
      throw new NotDone('interrupted', `${id}: ${reason}`)
    }
    return takeEntry(folder, entry)
  })
}

/** Moves the file of a message to tmp/, under a name that identifies this process, and opens it there. */
async function takeEntry(folder: Folder, entry: QuarantineEntry): Promise<Release> {
  const { id, size, flags, state } = entry
  const keptName = nameOfEntry(id, size)
  const own: MaildirFile = {
    part: 'tmp',
    file: `${keptName}:2,${flags}.releasing-${takerText(ownTaker())}`,
  }
  const passed: MaildirFile = { part: 'cur', file: `${keptName}:2,PS` }
  // A release that was interrupted stays so, under the number of this process, which ends.
  const putBack = async () => {
    if (state === 'releasing') return
    const released: MaildirFile = { part: 'cur', file: `${keptName}:2,${flags}` }
    await folder.move(own, state === 'released' ? released : { part: 'new', file: keptName })
  }
  let opened: OpenMessage
  try {
    await folder.move(entry, own)
    opened = { ...(await openEntry(folder, own)), entry }
  } catch (error) {
    await putBack().catch(() => {}) // it may not have been moved
    throw error
  }
  const end = async (lastMove: () => Promise<void>) => {
    try {
      await opened.close()
      await lastMove()
    } finally {
      folder.close()
    }
  }
  return {
    opened,
    finish: () => end(() => folder.move(own, passed)),
    cancel: () => end(putBack),
    leave: () => end(async () => {}),
  }
}

/** Rejects if the process that took a message still runs. */
async function refuseWhileReleased(folder: Folder, entry: QuarantineEntry): Promise<void> {
  const { id, taker, part, file } = entry
  if (taker === undefined) return
  const isHeld = stillRuns(taker)
  // Last, because that process moves it and ends: ENOENT if it was moved since, and must be searched again.
  await access(folder.parts[part].at(file))
  if (isHeld) throw new NotDone('busy', `${id}: is being released by process ${taker.pid}`)
}

/**
 * Removes a message permanently, even if a release of it was killed. When this resolves, the removal is on
 * the disk. Resolves to the removed entry. Rejects with a Fault if the message does not exist, or while a
 * process is releasing it.
 */
export function deleteEntry(root: PathHandle, id: string): Promise<QuarantineEntry> {
  return withEntry(root, id, async (entry, folder) => {
    await refuseWhileReleased(folder, entry)
    await folder.remove(entry)
    folder.close()
    return entry
  })
}
