import { createHash } from 'node:crypto'
import { openUnlimited } from '../../ground/flow/memory-budget.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { Intake } from '../../mail/message/intake.ts'
import type { Message } from '../../mail/message/message.ts'
import type { SpoolPolicy } from '../../mail/message/spool-policy.ts'
import { digestsFor } from '../cluster/digests.ts'
import type { Key } from '../cluster/keyring.ts'

/** Begins to take a message of which the digests are known that the keys need. */
function openIntake(policy: SpoolPolicy, keys: readonly Key[]): Intake {
  const options = {
    policy,
    digestsFor: (header: Header) => digestsFor(header, keys, Date.now() / 1000),
    createHash,
  }
  return new Intake(options, openUnlimited())
}

/**
 * Takes a whole message. The caller closes it. Rejects with what the source or the intake throws, and
 * then leaves nothing behind.
 */
export async function takeMessage(
  source: AsyncIterable<Buffer>,
  policy: SpoolPolicy,
  keys: readonly Key[],
): Promise<Message> {
  const intake = openIntake(policy, keys)
  try {
    for await (const chunk of source) intake.write(chunk)
    return intake.finish()
  } catch (error) {
    intake.discard()
    throw error
  }
}
