import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { digestsFor } from '../cluster/digests.ts'
import type { Key } from '../cluster/keyring.ts'
import type { SpoolPolicy } from '../message/policy.ts'
import { createSpool, type Message } from '../message/spool.ts'
import { lookForMbox, mboxPieces } from './scan/mbox.ts'

/** The bytes of the message in a file, or on standard input for `-`; an mbox must have one. */
export async function* openMessage(file: string): AsyncGenerator<Buffer> {
  const source =
    file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 })
  const { isMbox, bytes } = await lookForMbox(source)
  if (!isMbox) return yield* bytes
  let messages = 0
  for await (const piece of mboxPieces(bytes)) {
    if (piece.kind === 'bytes') yield piece.bytes
    else if (++messages > 1) {
      throw new Error(`${file}: is an mbox of several messages; name a file with one`)
    }
  }
}

/**
 * Spools a message as the slot does, with the digests that the keys need. The caller
 * closes it. Rejects with what the source or the spool throws; nothing is left then.
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
    now: Date.now(),
  })
  try {
    for await (const chunk of source) spool.write(chunk)
  } catch (error) {
    spool.finish().close()
    throw error
  }
  return spool.finish()
}
