import { createHash } from 'node:crypto'
import { FormReader } from '../../../src/mail/message/form.ts'
import { headerOf } from '../../../src/mail/message/header-block.ts'
import type { HashedMessage } from '../../../src/scan/cluster/verify.ts'

/** A message with all that stamps of any scheme need to know of it. */
export function examine(message: Buffer): HashedMessage {
  const { header } = headerOf(message)
  const reader = new FormReader(header, { md5: true, sha256: true }, createHash)
  reader.update(message.subarray(header.length))
  return { header, ...reader.finish() }
}
