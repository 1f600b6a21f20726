import { lstat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { withMailbox } from './directory.ts'
import type { MailboxLocation } from './mailbox.ts'
import type { MailboxReading } from './reading.ts'

/** Reads the size of a mailbox that is one file. A link is not followed. */
export async function readMbox({ path, fixed }: MailboxLocation): Promise<MailboxReading> {
  const parent = dirname(path)
  try {
    const stats = await withMailbox(
      { path: parent, fixed: Math.min(fixed, parent.length) },
      (directory) => directory.ask(basename(path), (path) => lstat(path)),
    )
    if (stats === undefined) return { found: 'no-mailbox' }
    if (stats.isSymbolicLink()) return { found: 'trouble', why: 'is a link, which is not followed' }
    if (!stats.isFile()) return { found: 'trouble', why: 'is not a file' }
    return { found: 'usage', usage: { bytes: stats.size }, source: 'mbox' }
  } catch (error) {
    return { found: 'trouble', why: errorText(error) }
  }
}
