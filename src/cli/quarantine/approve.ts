import * as crypto from 'node:crypto'
import type { Key } from '../../cluster/keyring.ts'
import { signRelease } from '../../cluster/sign.ts'
import { RELEASED_TO_MAX } from '../../cluster/stamp.ts'
import { Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { HeaderField } from '../../message/edits.ts'
import type { Message } from '../../message/message.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import type { QuarantineRecord } from '../../quarantine/record.ts'
import { openIntake } from '../../scan/take-message.ts'
import { examine } from './examine.ts'

/**
 * Looks at the file of a message that is to be released, and makes a stamp for it if there are keys.
 * Rejects with a Fault if it is not the file that was seen, or cannot be signed.
 */
export async function approveFile(
  file: AsyncIterable<Buffer>,
  seen: string,
  env: Environment,
  keys: readonly Key[],
  to: readonly string[],
): Promise<{ readonly record: QuarantineRecord; readonly add: readonly HeaderField[] }> {
  const intake = openIntake(readSpoolPolicy(env), keys)
  let message: Message | undefined
  try {
    const { record, digest } = await examine(file, (piece) => intake.write(piece))
    if (digest !== seen) {
      throw new Fault('config', 'is not the message that was seen: show it again, and compare')
    }
    message = intake.finish()
    const recipients = to.length > 0 ? to : record.recipients
    return { record, add: keys.length > 0 ? [await stampOf(message, recipients, keys)] : [] }
  } finally {
    message?.close()
    intake.discard()
  }
}

async function stampOf(
  message: Message,
  recipients: readonly string[],
  keys: readonly Key[],
): Promise<HeaderField> {
  if (recipients.length > RELEASED_TO_MAX) {
    const why = `a stamp names ${RELEASED_TO_MAX} recipients at most, and these are ${recipients.length}`
    throw new Fault('config', `${why}; name some of them with --to, or release with --no-stamp`)
  }
  const examined = { header: message.header, ...message.form }
  const now = Math.floor(Date.now() / 1000)
  const stamp = message.headerTooLarge
    ? undefined
    : signRelease(examined, recipients, { keys, now, crypto })
  if (stamp !== undefined) return stamp.field
  const why = examined.formFault ?? 'its header is too large'
  throw new Fault('config', `it cannot be signed: ${why}; --no-stamp releases it without`)
}
