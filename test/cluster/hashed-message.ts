import { createHash } from 'node:crypto'
import type { HashedMessage } from '../../src/cluster/verify.ts'
import { readForm } from '../../src/message/form.ts'
import { headerOf } from '../../src/message/header-block.ts'

/** A message with all that stamps of any scheme need to know of it. */
export function examine(message: Buffer): HashedMessage {
  const { header } = headerOf(message)
  const reader = readForm(header, { md5: true, sha256: true }, createHash)
  reader.update(message.subarray(header.length))
  return { header, ...reader.finish() }
}
