import { Fault } from '../../ground/errors/fault.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import type { SmtpClient } from './client.ts'
import { createSmtpIntake, type ReceivedMessage, type SmtpIntake } from './intake.ts'
import { type ContentRefusal, refuseContent } from './refusals.ts'
import type { SmtpServer } from './server.ts'
import { createContentReader } from './wire/content.ts'

/**
 * Receives the content of a message, and calls `use` with it and with the refusal that its form
 * asks for. When `use` has come to its end, the message is closed and everything is freed. Rejects
 * with a Fault of kind `read` if the client leaves, and with those of createSmtpIntake().
 */
export async function withContent<Result>(
  client: SmtpClient,
  options: MessageOptions,
  server: SmtpServer,
  use: (received: ReceivedMessage, refusal: ContentRefusal | undefined) => Promise<Result>,
): Promise<Result> {
  const intake = createSmtpIntake(options, server.openLease)
  try {
    const refusal = await readContent(client, intake, server)
    const received = await intake.finish()
    try {
      return await use(received, refusal)
    } finally {
      received.message.close()
    }
  } finally {
    intake.discard()
  }
}

/**
 * Reads to the end of the content, even if nothing is kept of it any more. Throws only then what
 * went wrong.
 */
async function readContent(
  client: SmtpClient,
  intake: SmtpIntake,
  server: SmtpServer,
): Promise<ContentRefusal | undefined> {
  const reader = createContentReader()
  let size = 0
  let trouble: unknown
  while (!reader.ended) {
    const chunk = await client.chunk()
    if (chunk === undefined) throw clientLeft()
    for (const piece of reader.push(chunk)) {
      size += piece.length
      if (trouble !== undefined || size > server.maxSize) continue
      try {
        const isWritten = intake.write(piece, reader.bareLf)
        if (isWritten) await isWritten
      } catch (error) {
        trouble = error
        intake.discard() // no message will be made of it
      }
    }
    if (reader.rest.length === 0) releaseBuffer(chunk)
  }
  client.giveBack(reader.rest)
  if (trouble !== undefined) throw trouble
  return refuseContent(reader, size, server)
}

export function clientLeft(): Fault {
  return new Fault('read', 'the client left before it was answered')
}
