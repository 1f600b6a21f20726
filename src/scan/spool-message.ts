import { createHash } from 'node:crypto'
import { digestsFor } from '../cluster/digests.ts'
import type { Key } from '../cluster/keyring.ts'
import { createSpool, type Message } from '../message/spool.ts'
import type { SpoolPolicy } from '../message/spool-policy.ts'

/**
 * Spools a message as the slot does, with the digests that the keys need. The caller closes it.
 * Rejects with what the source or the spool throws, and then leaves nothing behind.
 */
export async function spoolMessage(
  source: AsyncIterable<Buffer>,
  policy: SpoolPolicy,
  keys: readonly Key[],
): Promise<Message> {
  const spool = createSpool({
    policy,
    digestsFor: (header) => digestsFor(header, keys, Date.now() / 1000),
    createHash,
  })
  try {
    for await (const chunk of source) spool.write(chunk)
  } catch (error) {
    spool.finish().close()
    throw error
  }
  return spool.finish()
}
