import { createHash } from 'node:crypto'
import { MemoryLease } from '../../lib/flow/memory-budget.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { Intake } from '../../mail/message/intake.ts'
import type { Message } from '../../mail/message/message.ts'
import type { SpoolSettings } from '../../mail/message/spool.ts'
import type { Key } from './keyring.ts'
import { digestsFor } from './verify.ts'

/**
 * Reads a whole message, with the digests that the keys need. The caller closes it. Rejects with the errors
 * of the source or the intake, and then frees everything.
 */
export async function takeMessage(
  source: AsyncIterable<Buffer>,
  spool: SpoolSettings,
  keys: readonly Key[],
): Promise<Message> {
  const digests = (header: Header) => digestsFor(header, keys, Date.now() / 1000)
  const intake = new Intake({ spool, digestsFor: digests, createHash }, MemoryLease.unlimited())
  try {
    for await (const chunk of source) intake.write(chunk)
    return intake.finish()
  } catch (error) {
    intake.close()
    throw error
  }
}
