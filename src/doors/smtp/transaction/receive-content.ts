import { Fault } from '../../../ground/errors/fault.ts'
import { releaseBuffer } from '../../../ground/runtime/buffers.ts'
import { CrlfReader } from '../../../mail/message/crlf-reader.ts'
import { Intake, type MessageOptions } from '../../../mail/message/intake.ts'
import type { Message } from '../../../mail/message/message.ts'
import { ContentReader } from '../../../protocol/smtp/content.ts'
import type { SmtpConnection } from '../client/connection.ts'
import type { SmtpServer } from '../shared/server.ts'
import { type ContentRefusal, refuseContent } from './refusals.ts'

/**
 * Receives the content of a message, and calls `use` with it and with the refusal that its form
 * asks for. Its lines end in LF, as they do in the queues of MTAs, in mailboxes and before the slot
 * of the next host, so that scanners see what others will see. When `use` has come to its end, the
 * message is closed and everything is freed. Rejects with a Fault of kind `read` if the client
 * leaves, and with those of Intake.
 */
export async function withContent<Result>(
  client: SmtpConnection,
  options: MessageOptions,
  server: SmtpServer,
  use: (message: Message, refusal: ContentRefusal | undefined) => Promise<Result>,
): Promise<Result> {
  const intake = new Intake(options, server.openLease())
  try {
    const refusal = await readContent(client, intake, server)
    const message = intake.finish()
    try {
      return await use(message, refusal)
    } finally {
      message.close()
    }
  } finally {
    intake.close()
  }
}

/**
 * Reads to the end of the content, even if nothing is kept of it any more. Throws only then what
 * went wrong.
 */
async function readContent(
  client: SmtpConnection,
  intake: Intake,
  server: SmtpServer,
): Promise<ContentRefusal | undefined> {
  const reader = new ContentReader()
  const lineEnds = new CrlfReader()
  let size = 0
  let trouble: unknown
  while (!reader.isEnded) {
    const chunk = await client.chunk()
    if (chunk === undefined) throw clientLeft()
    const piece = reader.push(chunk)
    size += piece.length
    if (trouble === undefined && size <= server.maxSize) {
      try {
        const lines = lineEnds.push(piece)
        intake.write(lines)
        releaseBuffer(lines)
      } catch (error) {
        trouble = error
        intake.close() // no message will be made of it
      }
    }
    if (reader.rest.length === 0) releaseBuffer(chunk)
  }
  client.giveBack(reader.rest) // no CR is held back: what there is of content ends in CRLF
  if (client.gone.aborted) throw clientLeft() // behind its last dot, without QUIT
  if (trouble !== undefined) throw trouble
  return refuseContent(reader, size, server)
}

export function clientLeft(): Fault {
  return new Fault('read', 'the client left before it was answered')
}
