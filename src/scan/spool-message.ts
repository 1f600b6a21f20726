import { createHash } from 'node:crypto'
import { digestsFor } from '../cluster/digests.ts'
import type { Key } from '../cluster/keyring.ts'
import { GatheredFile } from '../message/gathered-file.ts'
import type { Header } from '../message/header-block.ts'
import type { Message } from '../message/message.ts'
import type { SpoolPolicy } from '../message/spool-policy.ts'

/** Opens a file without a name for a message of which the digests are known that the keys need. */
export function openSpool(policy: SpoolPolicy, keys: readonly Key[]): GatheredFile {
  const options = {
    policy,
    digestsFor: (header: Header) => digestsFor(header, keys, Date.now() / 1000),
    createHash,
  }
  return new GatheredFile(options, { take: () => false, giveBack() {} })
}

/**
 * Spools a message. The caller closes it. Rejects with what the source or the spool throws, and then
 * leaves nothing behind.
 */
export async function spoolMessage(
  source: AsyncIterable<Buffer>,
  policy: SpoolPolicy,
  keys: readonly Key[],
): Promise<Message> {
  const spool = openSpool(policy, keys)
  try {
    for await (const chunk of source) spool.write(chunk)
  } catch (error) {
    spool.discard()
    throw error
  }
  return spool.finish()
}
