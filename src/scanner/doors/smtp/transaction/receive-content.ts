import { releaseBuffer } from '../../../../base/bytes/buffers.ts'
import { Fault } from '../../../../base/errors/fault.ts'
import { addressKey } from '../../../../base/net/ip-address.ts'
import { CrlfReader } from '../../../../mail/message/crlf-reader.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import { Intake } from '../../../../mail/message/intake.ts'
import type { Message } from '../../../../mail/message/message.ts'
import type { MessageOptions } from '../../../../mail/message/message-options.ts'
import { ContentReader } from '../../../protocol/smtp/smtp-content.ts'
import type { Refusal } from '../../../scan/judge/decision/decision.ts'
import { mailReply } from '../../../scan/replies/mail-replies.ts'
import { HOPS_MAX, type Reply } from '../../../scan/replies/reply.ts'
import type { SmtpConnection } from '../client/smtp-connection.ts'
import type { SmtpServices } from '../next-server/smtp-services.ts'

/**
 * Receives the content of a message, and calls `use` with it and with a refusal if its syntax requires one. All
 * memory that receiving needs is reserved before `start` asks the client for the content. When `use` has
 * ended, the message is closed and everything is freed. Rejects with a Fault of kind `read` if the client
 * leaves, and with the errors of Intake.
 *
 * Lines end in LF, as in the queues of MTAs, in mailboxes and in the input of qmail-queue on the next host,
 * so that scanners see the same bytes as others.
 */
export async function receiveContent(
  client: SmtpConnection,
  options: MessageOptions,
  services: SmtpServices,
  start: () => void,
  use: (message: Message, refusal: Refusal | undefined) => Promise<void>,
): Promise<void> {
  const intake = new Intake(options, services.openLease(addressKey(client.clientAddress)))
  try {
    start()
    const bySyntax = await readContent(client, intake, services)
    const message = intake.finish()
    try {
      // After the queue, the later servers count the hops, and a bounce is their task.
      const byHops = services.isQueued ? undefined : refuseTooManyHops(message.header)
      await use(message, bySyntax ?? byHops)
    } finally {
      message.close()
    }
  } finally {
    intake.close()
  }
}

/** Reads to the end of the content, even if it is not kept any longer. Throws an earlier error only then. */
async function readContent(
  client: SmtpConnection,
  intake: Intake,
  services: SmtpServices,
): Promise<Refusal | undefined> {
  const reader = new ContentReader()
  const lineEnds = new CrlfReader()
  let size = 0
  let trouble: unknown
  while (!reader.isEnded) {
    const chunk = await client.chunk()
    if (chunk === undefined) throw clientLeft()
    const piece = reader.push(chunk)
    size += piece.length
    if (trouble === undefined && size <= services.maxSize) {
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
  client.giveBack(reader.rest) // no CR is held back: existing content ends in CRLF
  if (client.gone.aborted) throw clientLeft() // after its last dot, without QUIT
  if (trouble !== undefined) throw trouble
  return refuseContent(reader, size, services)
}

export function clientLeft(): Fault {
  return new Fault('read', 'the client disconnected before the reply')
}

/**
 * Returns the refusal of content that was read to its end and has `size` bytes, or undefined if it
 * is taken.
 */
function refuseContent(
  { bare, hasHiddenDot }: ContentReader,
  size: number,
  { refusesBareNewlines, maxSize }: Pick<SmtpServices, 'refusesBareNewlines' | 'maxSize'>,
): Refusal | undefined {
  if (size > maxSize) return refusal(mailReply.tooLarge(maxSize))
  if (refusesBareNewlines && bare !== undefined) return refusal(mailReply.bareNewline(bare))
  return hasHiddenDot ? refusal(mailReply.hiddenDot) : undefined
}

/**
 * Returns the refusal of a message in a mail loop: each server on its way adds a Received field (RFC 5321
 * 6.3). The later servers cannot count in time, because each sends the message on before it has all of it.
 */
function refuseTooManyHops({ fields }: Header): Refusal | undefined {
  const hops = fields.filter(({ key }) => key === 'received').length
  return hops < HOPS_MAX ? undefined : refusal(mailReply.tooManyHops(hops))
}

function refusal(reply: Reply): Refusal {
  return { kind: 'reject', reply, details: { scan: 'skipped', reason: reply.text, times: {} } }
}
