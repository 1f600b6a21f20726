import { createHash } from 'node:crypto'
import { digestsFor } from '../../cluster/digests.ts'
import type { Key } from '../../cluster/keyring.ts'
import { inheritedDescriptor } from '../../ground/path/read.ts'
import { withPath } from '../../ground/path/walk.ts'
import { createSpool, type Message } from '../../message/spool.ts'
import type { SpoolPolicy } from '../../message/spool-policy.ts'
import { type MessageSource, messagesOf, STDIN } from './message-sources.ts'

/**
 * Reads the message in a file or pipe, or on standard input for `-`. An mbox must hold exactly one
 * message. Throws for a directory or a device, and for more than `maxSize` bytes.
 */
export async function* readMessageBytes(file: string, maxSize: number): AsyncGenerator<Buffer> {
  const source = sourceOf(file)
  for await (const { number = 1, bytes } of messagesOf(source, maxSize)) {
    if (number > 1) {
      throw new Error(`${file}: is an mbox of several messages; name a file with one`)
    }
    yield* bytes
  }
}

function sourceOf(file: string): MessageSource {
  if (file === '-') return { file: STDIN, kind: 'any', size: 0 }
  if (inheritedDescriptor(file) !== undefined) return { file, kind: 'any', size: 0 }
  const stats = withPath(file, (place) => place.stats)
  if (stats.isFile() || stats.isFIFO()) return { file, kind: 'any', size: stats.size }
  throw new Error(`${file}: is neither a file nor a pipe; name a file with one message`)
}

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
