import { createHash, type Hash } from 'node:crypto'
import { access, open, readlink, rename, symlink, unlink } from 'node:fs/promises'
import { errorCode, isFault, unlessMissing } from '../../../base/errors/fault.ts'
import { Bulkhead } from '../../../base/flow/bulkhead.ts'
import { hashInTurns } from '../../../base/flow/event-loop.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import type { Message } from '../../../mail/message/message.ts'
import { isBound } from '../stamps/bound-fields.ts'
import { dayOfId, entryAt, nameOfEntry } from './entries.ts'
import { Folder, openOrMakeFolder, openQuarantine, quarantineFault } from './folders.ts'
import { type QuarantineRecord, writeRecorded } from './record.ts'

/**
 * The directory of links from the key of a message to the name of its file. A power failure may lose a link: a
 * retry of that message is then quarantined again. No `grounds` may have this name.
 */
export const KEYS = 'kept.keys'

/**
 * Quarantines a message, unless an earlier attempt of its client has done so. Resolves to the id of the quarantined
 * message.
 *
 * When this resolves, the message is on the disk, and a power failure does not undo that (fsync(2) of the
 * file, and of the directory that names it). A process that is killed before leaves only a file in tmp/,
 * which the sweep removes. Rejects with a Fault, `write` if the disk is full or the file system does not
 * answer. The message must not be accepted then: it is not in quarantine, or a retry finds it.
 *
 * Two simultaneous attempts may each quarantine a copy, because the link is made before the message is complete. If
 * it were made later, the next attempt would not find the message of a process that was killed in between.
 */
export async function quarantineMessage(
  directory: string,
  record: QuarantineRecord,
  message: Pick<Message, 'header' | 'body' | 'size'>,
): Promise<string> {
  const key = await retryKey(record, message)
  return bulkheadOf(directory).use((signal) =>
    quarantineIn(directory, record, message, key, signal),
  )
}

/**
 * Returns the key by which a retry finds the quarantined message. It covers the reason, the sender, the recipients in
 * any order, the file of delivered mail (each mailbox gets its own back), and the body. It also covers all fields except those that hosts on the way add or change at each
 * attempt (those that no stamp binds, onescan-stamp(7)). Message-ID and Date are covered, so that a message is
 * quarantined again if a user sends the same text again.
 *
 * Without these two fields, identical messages to the same recipients count as one mail: a release delivers
 * it to all of them. After a release the key is not found again, because a second copy in quarantine is less
 * harmful than a lost message.
 */
async function retryKey(
  { grounds, sender, recipients, file }: QuarantineRecord,
  { header, body }: Pick<Message, 'header' | 'body'>,
): Promise<string> {
  const hash = createHash('sha256')
  hash.update(
    `${JSON.stringify([grounds, sender, recipients.toSorted(), file && inMailbox(file)])}\n`,
  )
  await addContent(hash, { header, body })
  return hash.digest('hex')
}

/**
 * Returns the key of a message wherever it was delivered: of its body, and of the fields that no host on the way adds or
 * changes.
 */
export async function contentKey(message: Pick<Message, 'header' | 'body'>): Promise<string> {
  const hash = createHash('sha256')
  await addContent(hash, message)
  return hash.digest('hex')
}

async function addContent(
  hash: Hash,
  { header, body }: Pick<Message, 'header' | 'body'>,
): Promise<void> {
  for (const field of header.fields)
    if (isBound(field.key)) hash.update(header.textOf(field), 'latin1')
  await hashInTurns(hash, body.chunks())
}

/** Returns the path of a message without what a mail reader changes in a Maildir: new/ or cur/, and the flags. */
const inMailbox = (file: string): string =>
  file.replace(/\/(?:new|cur)\/([^/:]+)(?::[^/]*)?$/, '/$1')

const bulkheads = new Map<string, Bulkhead>()

function bulkheadOf(directory: string): Bulkhead {
  const bulkhead = bulkheads.get(directory) ?? new Bulkhead(`QUARANTINE ${directory}`)
  bulkheads.set(directory, bulkhead)
  return bulkhead
}

async function quarantineIn(
  directory: string,
  record: QuarantineRecord,
  message: Pick<Message, 'header' | 'body' | 'size'>,
  key: string,
  signal: AbortSignal,
): Promise<string> {
  const { id, grounds } = record
  return changeQuarantine(directory, async (root) => {
    const keys = await openOrMakeFolder(root, KEYS)
    try {
      const link = keys.at(key)
      const before = await findQuarantined(root, link, grounds)
      if (before !== undefined) return before
      const folder = await Folder.make(root, { grounds, day: dayOfId(id) })
      try {
        await renew(link, nameOfEntry(id, message.size))
        await writeInto(folder, record, message, signal)
        return id
      } finally {
        folder.close()
      }
    } finally {
      keys.close()
    }
  })
}

/** Calls `use` with the quarantine, and closes it. Rejects with a Fault. */
async function changeQuarantine<Result>(
  directory: string,
  use: (root: PathHandle) => Promise<Result>,
): Promise<Result> {
  const root = await openQuarantine(directory)
  try {
    return await use(root)
  } catch (error) {
    throw isFault(error) ? error : quarantineFault(directory, error)
  } finally {
    root.close()
  }
}

/**
 * Resolves to the id of the message that a link refers to, if it is in quarantine and was not released. The message is
 * then in cur/, the part for messages that were found again. removeQuarantined() does not search there. The attempt
 * that has quarantined the message may fail and remove it, but not after another attempt has found it.
 */
async function findQuarantined(
  root: PathHandle,
  link: string,
  grounds: string,
): Promise<string | undefined> {
  const file = await readlink(link).catch((error) => {
    if (errorCode(error) !== 'EINVAL') unlessMissing(error) // it is a link
  })
  const entry = file && entryAt({ grounds, day: '' }, { part: 'new', file })
  const folder = entry && (await Folder.find(root, { grounds, day: dayOfId(entry.id) }))
  if (!folder) return undefined
  try {
    const seen = { part: 'cur', file: `${entry.file}:2,` } as const
    const hasMoved = folder.move(entry, seen).then(() => true)
    if (await hasMoved.catch(unlessMissing)) return entry.id
    const isThere = access(folder.parts.cur.at(seen.file)).then(() => true)
    if (!(await isThere.catch(unlessMissing))) return undefined
    await folder.parts.cur.sync() // the process that moved it may not have synced yet
    return entry.id
  } finally {
    folder.close()
  }
}

/** Has a link lead to this name from now on, unless another process sets it meanwhile. */
async function renew(link: string, name: string): Promise<void> {
  await unlink(link).catch(unlessMissing)
  await symlink(name, link).catch((error) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
}

/**
 * Removes a message that was quarantined a moment ago. After this resolves, a power failure does not restore it.
 * Rejects with a Fault if the message cannot be removed, or has been moved.
 */
export function removeQuarantined(directory: string, message: QuarantinedMessage): Promise<void> {
  return bulkheadOf(directory).use(() => removeFrom(directory, message))
}

type QuarantinedMessage = Pick<QuarantineRecord, 'grounds' | 'id'> & Pick<Message, 'size'>

async function removeFrom(
  directory: string,
  { grounds, id, size }: QuarantinedMessage,
): Promise<void> {
  const file = nameOfEntry(id, size)
  const remove = (folder: Folder) => folder.remove({ part: 'new', file })
  await changeQuarantine(directory, (root) =>
    Folder.within(root, { grounds, day: dayOfId(id) }, remove),
  )
}

async function writeInto(
  folder: Folder,
  record: QuarantineRecord,
  message: Pick<Message, 'header' | 'body' | 'size'>,
  signal: AbortSignal,
): Promise<void> {
  const written = folder.parts.tmp.at(record.id)
  const kept = folder.parts.new.at(nameOfEntry(record.id, message.size))
  const file = await open(written, 'wx', 0o600)
  try {
    await writeRecorded(file, record, message, signal)
    await file.sync()
    signal.throwIfAborted()
    await rename(written, kept)
    await folder.parts.new.sync().catch(async (error) => {
      await unlessMissing(unlink(kept)) // another attempt may have moved it
      throw error
    })
  } catch (error) {
    await unlink(written).catch(() => {}) // the sweep removes it
    throw error
  } finally {
    await file.close()
  }
}
