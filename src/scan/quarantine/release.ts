import { access, rename, unlink } from 'node:fs/promises'
import { attempt, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/path-handle.ts'
import { HostProcess } from '../../ground/process/host-process.ts'
import { nameOfEntry, type QuarantineEntry, withEntry } from './entries.ts'
import type { Folder } from './folders.ts'
import { type OpenEntry, openEntry } from './record.ts'

/** A message that this process releases, and that no other process can take meanwhile. */
export interface Release {
  readonly entry: QuarantineEntry
  readonly opened: OpenEntry
  /**
   * Ends the release of a message that was handed on. The message stays, in cur/ with the flag P
   * ("passed", maildir(5)).
   */
  finish(): Promise<void>
  /**
   * Ends the release of a message that was not handed on. The message stays as it was: if a release was
   * interrupted before, it may have been delivered then.
   */
  cancel(): Promise<void>
  /** Ends the release of a message that may have been handed on: it counts as interrupted. */
  leave(): Promise<void>
}

/**
 * Takes a message in order to hand it on. If several processes try, rename(2) lets one of them have
 * it. When this resolves, the disk has it as taken. Rejects with a Fault if there is no message of that
 * id, while another process releases it, and without `again`, if it was released before, or its release
 * was interrupted: only `again` and deleteEntry() end that state.
 */
export function beginRelease(root: PathHandle, id: string, again: boolean): Promise<Release> {
  return withEntry(root, id, async (entry, folder) => {
    try {
      if (entry.state === 'released' && !again) {
        throw new Fault('config', `${id}: has been released; --again releases it once more`)
      }
      await refuseWhileReleased(folder, entry)
      if (entry.state === 'releasing' && !again) {
        const why = 'a release of it was interrupted, and it may have been delivered'
        throw new Fault('config', `${id}: ${why}; --again releases it all the same`)
      }
      return await takeEntry(folder, entry)
    } catch (error) {
      folder.close()
      throw error
    }
  })
}

/** Moves the file of a message to tmp/, under a name that tells this process, and opens it there. */
async function takeEntry(folder: Folder, entry: QuarantineEntry): Promise<Release> {
  const { id, size, flags, state } = entry
  const keptName = nameOfEntry(id, size)
  const own: Place = { part: 'tmp', file: `${keptName}:2,${flags}.releasing-${ownName()}` }
  const passed: Place = { part: 'cur', file: `${keptName}:2,PS` }
  await rename(pathIn(folder, entry), pathIn(folder, own))
  // A release that was interrupted stays so, under the number of this process, which ends.
  const putBack = async () => {
    if (state === 'releasing') return
    const released: Place = { part: 'cur', file: `${keptName}:2,${flags}` }
    await move(folder, own, state === 'released' ? released : { part: 'new', file: keptName })
  }
  let opened: OpenEntry
  try {
    await syncParts(folder, own, entry)
    opened = await openEntry(folder, own.part, own.file)
  } catch (error) {
    await putBack()
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
    entry,
    opened,
    finish: () => end(() => move(folder, own, passed)),
    cancel: () => end(putBack),
    leave: () => end(async () => {}),
  }
}

/** Names this process as no other one of the host will be named until the next start. */
function ownName(): string {
  try {
    return `${process.pid}-${new HostProcess('self').ticksAtStart()}`
  } catch {
    return String(process.pid) // proc(5) is not there
  }
}

async function refuseWhileReleased(folder: Folder, entry: QuarantineEntry): Promise<void> {
  const { id, pid, started } = entry
  if (pid === undefined) return
  const isHeld = isAlive(pid, started)
  // Last, since that process moves it and ends: ENOENT if it was moved since, and must be looked for again.
  await access(pathIn(folder, entry))
  if (isHeld) throw new Fault('config', `${id}: is being released by process ${pid}`)
}

/**
 * Whether the process that took a message still runs: that of this number which was `started` then, in
 * ticks. Any other one only has the same number.
 */
function isAlive(pid: number, started: number | undefined): boolean {
  const ticks = attempt(() => new HostProcess(pid).ticksAtStart())
  return ticks !== undefined && (started === undefined || ticks === started)
}

/**
 * Removes a message for good, even if a release of it was killed; when this resolves, the disk has it no
 * more. Resolves with what was removed. Rejects with a Fault if the message is not there, or while a
 * process releases it.
 */
export function deleteEntry(root: PathHandle, id: string): Promise<QuarantineEntry> {
  return withEntry(root, id, async (entry, folder) => {
    try {
      await refuseWhileReleased(folder, entry)
      await unlink(pathIn(folder, entry))
      await syncParts(folder, entry)
      return entry
    } finally {
      folder.close()
    }
  })
}

/** Where a file is in a folder. */
type Place = Pick<QuarantineEntry, 'part' | 'file'>

/**
 * Moves a file in a folder. What may be done with a message depends on where it is: when this resolves,
 * a power failure does not undo the move.
 */
async function move(folder: Folder, from: Place, to: Place): Promise<void> {
  await rename(pathIn(folder, from), pathIn(folder, to))
  await syncParts(folder, to, from)
}

/** Brings the names in these parts of a folder to the disk, the new name first: one of them is there. */
async function syncParts({ parts }: Folder, ...places: readonly Place[]): Promise<void> {
  for (const { part } of places) await parts[part].sync()
}

function pathIn({ parts }: Folder, { part, file }: Place): string {
  return parts[part].at(file)
}
