import { lstat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { errorText } from '../../base/errors/fault.ts'
import type { MailboxLocation } from './mailbox-location.ts'
import { MailboxReads } from './mailbox-reads.ts'
import { type MailboxResult, READ_TIMEOUT, type ReadMailbox } from './mailbox-result.ts'
import { withMailbox } from './open-mailbox.ts'

/** Reads mailboxes that are one file. */
export function mboxSource(uptime: () => number): ReadMailbox {
  const reads = new MailboxReads<MailboxResult>(uptime, READ_TIMEOUT)
  return (mailbox) =>
    reads
      .read(mailbox.path, () => readMbox(mailbox))
      .catch((error) => ({ kind: 'trouble', reason: errorText(error) }))
}

/** Reads the size of a mailbox that is one file. A link is not followed. */
async function readMbox({ path, fixed }: MailboxLocation): Promise<MailboxResult> {
  const parent = dirname(path)
  const stats = await withMailbox(
    { path: parent, fixed: Math.min(fixed, parent.length) },
    (directory) => directory.ask(basename(path), (entry) => lstat(entry)),
  )
  if (stats === undefined) return { kind: 'no-mailbox' }
  if (stats.isSymbolicLink()) return { kind: 'trouble', reason: 'is a link, which is not followed' }
  if (!stats.isFile()) return { kind: 'trouble', reason: 'is not a file' }
  return { kind: 'usage', usage: { bytes: stats.size }, limits: undefined, source: 'mbox' }
}
