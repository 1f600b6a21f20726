import { createHash } from 'node:crypto'
import { hashInTurns } from '../../lib/flow/give-way.ts'
import { type Envelope, recipientsOf } from '../../mail/message/envelope/envelope.ts'
import type { Message } from '../../mail/message/message.ts'
import { isBound } from '../cluster/mac.ts'

/**
 * Returns the key by which a retry finds the kept message. It covers the reason, the sender, the recipients
 * in any order, and the body. It also covers all fields except those that hosts on the way add or change at
 * each attempt (those that no stamp binds, onescan-stamp(7)). Message-ID and Date are covered, so that a mail
 * is kept once more if a user sends the same text again.
 *
 * Without these two fields, identical messages to the same recipients count as one mail: a release delivers
 * it to all of them. After a release the key is not found again, because a second copy in quarantine is less
 * harmful than a lost message.
 */
export async function retryKey(
  { header, body }: Pick<Message, 'header' | 'body'>,
  envelope: Envelope,
  grounds: string,
): Promise<string> {
  const hash = createHash('sha256')
  const recipients = Array.from(recipientsOf(envelope), ({ text }) => text).sort()
  hash.update(`${JSON.stringify([grounds, envelope.sender.text, recipients])}\n`)
  for (const field of header.fields)
    if (isBound(field.key)) hash.update(header.textOf(field), 'latin1')
  await hashInTurns(hash, body.chunks())
  return hash.digest('hex')
}
