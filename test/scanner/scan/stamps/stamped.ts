import * as crypto from 'node:crypto'
import { editHeader } from '../../../../src/mail/message/header-block.ts'
import { parseKeyring } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { signMessage } from '../../../../src/scanner/scan/stamps/sign.ts'
import { examine } from './hashed-message.ts'

/** A message with a stamp on top, made now by the first key of a ring, as if clamd had scanned it. */
export function stampedBy(ring: string, message: Buffer): Buffer {
  const keys = parseKeyring(ring, 'the ring')
  const examined = examine(message)
  const now = Math.floor(Date.now() / 1000)
  const stamp = signMessage(examined, ['clamd'], { keys, now, crypto })
  if (stamp === undefined) throw new Error('no stamp can be made')
  const header = editHeader(examined.header, { remove: [], add: [stamp.field] })
  return Buffer.concat([header, message.subarray(examined.header.length)])
}
