import { createHash } from 'node:crypto'
import type { Environment } from '../../base/process/environment.ts'
import { Bytes } from '../../mail/message/bytes.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { spoolMessage } from '../../mail/message/intake.ts'
import { openAnonymousFile, readSpoolSettings } from '../../mail/message/spool.ts'
import { contentsOf } from '../../mail/mime/contents.ts'
import type { OpenMessage } from '../scan/quarantine/entries.ts'

/** Upper limit, in bytes, for a message that is read: the process needs four times its size. */
const READ_MAX = 100 * 1024 * 1024

type ContentSteps = ReturnType<typeof contentsOf>

/**
 * Reads a kept message as for its scan, and passes `read` the contents that some mail program would open. Resolves to what that
 * returns, or to undefined if the message is too large. Rejects as the message does, and with a Fault if it cannot be
 * spooled.
 */
export async function readMessage<Found>(
  { entry, message }: Pick<OpenMessage, 'entry' | 'message'>,
  env: Environment,
  read: (contents: ContentSteps, header: Header) => Found | Promise<Found>,
): Promise<Found | undefined> {
  if (entry.size > READ_MAX) return undefined
  const spool = readSpoolSettings(env)
  const spooled = await spoolMessage(message(), { spool })
  const { header, body } = spooled
  const openFile = () => openAnonymousFile(spool.directory)
  const reading = { header, openFile, createHash, onPart: () => [], emitsOwnText: true }
  try {
    return await read(contentsOf(Bytes.of(header.bytes, body), reading), header)
  } finally {
    spooled.close()
  }
}
