import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { messageOf } from '../../../../src/mail/message/intake.ts'
import type { HashedMessage } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'

/** A message with all that stamps of any scheme need to know of it. */
export function examine(message: Buffer): HashedMessage {
  const spool = { directory: tmpdir(), sharedDirectory: undefined }
  const digestsFor = () => ({ wantsMd5: true, wantsSha256: true })
  return messageOf(message, { spool, digestsFor, createHash })
}
