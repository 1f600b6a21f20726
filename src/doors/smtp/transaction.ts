import { faultKindOf } from '../../ground/errors/fault.ts'
import type { Decision } from '../../judge/decision.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { type MailAddress, readAddress } from '../../message/envelope/address.ts'
import { ADDRESS_MAX, makeEnvelope } from '../../message/envelope/envelope.ts'
import type { Message } from '../../message/spool.ts'
import { createRecipientList } from '../shared/intake/recipient-list.ts'
import type { Judging } from '../shared/judging.ts'
import { keepAsDecided, withdrawKept } from '../shared/keep-message.ts'
import { faultLine } from '../shared/log/log-lines.ts'
import { faultReply } from '../shared/replies/smtp-reply.ts'
import type { SmtpReply } from '../shared/wire/reply-lines.ts'
import { announcedSize, bareAddress, type SmtpPath } from '../shared/wire/smtp-path.ts'
import { deferRefusals } from './after-queue.ts'
import { carryOut, dropped, passOn } from './carry-out.ts'
import type { SmtpClient } from './client.ts'
import { dropTransaction, type HandedOn, type SmtpDelivery, toAll } from './hand-on.ts'
import { NEXT_SERVER_LOST } from './own-replies.ts'
import { clientLeft, withContent } from './receive-content.ts'
import { type ContentRefusal, refuseTooManyHops } from './refusals.ts'
import type { SendingClient } from './sending-client.ts'
import type { SmtpServer } from './server.ts'
import { type AboutReplies, doorEntries, transactionLines } from './transaction-log.ts'
import { COMMAND_MAX, parsePath } from './wire/commands.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

/** One message from MAIL to its end. */
export interface SmtpTransaction {
  readonly sender: MailAddress
  /** Bytes that the client announced for the message. */
  readonly size: number | undefined
  /** The number of recipients that the next server has taken. */
  readonly recipients: number
  /** The commands so far as they were sent: MAIL, and RCPT of each recipient. */
  commands(): Iterable<Buffer>
  /**
   * Keeps a RCPT command as it was sent. Throws a Fault of kind `out-of-memory` if there is no room
   * for it.
   */
  addRecipient(line: Buffer): void
  /** Removes the recipient that was added last, because the next server has not taken it. */
  removeLastRecipient(): void
  /**
   * Receives the content, judges it, and carries the decision out. Resolves to the replies; never
   * rejects.
   */
  receive(
    client: SmtpClient,
    onward: Pick<SmtpDelivery, 'next' | 'forwards'>,
    sender: SendingClient,
  ): Promise<readonly RawReply[]>
  /** Frees what the transaction holds. */
  close(): void
}

/**
 * Opens a transaction with a MAIL command: its `line` as it was sent, its path and its parameters.
 */
export function openTransaction(
  line: Buffer,
  { path, parameters }: SmtpPath,
  server: SmtpServer,
): SmtpTransaction {
  // Cut, so that it takes little memory; an address that is too long stays too long.
  const from = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
  const sender = readAddress(from)
  const recipients = createRecipientList(server.openLease())

  function transactionOf(
    message: Message,
    judging: Judging,
    { relay, origin }: SendingClient,
    lines: readonly Buffer[],
  ): Transaction {
    const envelope = makeEnvelope(from, lines.map(recipientIn))
    const clusterPeer = judging.kind === 'judge' && judging.clusterPeer
    return { message, envelope, client: { relay, clusterPeer, bounceInjector: false, origin } }
  }

  return {
    sender,
    size: announcedSize(parameters),
    get recipients() {
      return recipients.count
    },
    *commands() {
      yield line
      yield* recipients.each()
    },
    addRecipient: recipients.add,
    removeLastRecipient: recipients.removeLast,
    async receive(client, { next, forwards }, sendingClient) {
      const began = server.uptime()
      const { gone } = client
      const { lmtp } = server
      const toEach = (reply: RawReply) => toAll(reply, { lmtp, recipients: recipients.count })
      let transaction: Transaction | undefined
      const about: AboutReplies = (replies, next = '') => ({
        door: doorEntries(sendingClient.origin, replies, next),
        remote: sendingClient.origin.clientAddress,
        transaction,
        total: server.uptime() - began,
      })
      try {
        const lines = recipients.paths()
        const delivery = { next, forwards, mailLine: line, recipients: lines, lmtp, gone }
        const judging = server.startJudging()
        return await withContent(
          client,
          judging.messageOptions,
          server,
          async (received, refusal) => {
            transaction = transactionOf(received.message, judging, sendingClient, lines)
            const decided = await decide(transaction, refusal, judging, server, gone)
            const decision =
              decided && (await keepAsDecided(decided, transaction, undefined, about([dropped])))
            const whole = { ...delivery, received }
            const handedOn = await (decision
              ? carryOutOnce(decision, whole, server)
              : passOn(whole))
            for (const line of transactionLines(handedOn, judging, about)) server.log(line)
            return handedOn.replies
          },
        )
      } catch (error) {
        const reply = rawReply(replyToError(error, server))
        server.log(faultLine(error, undefined, about([reply])))
        await dropTransaction(next)
        return toEach(reply)
      }
    },
    close: recipients.free,
  }
}

const RCPT = /^RCPT[ \t]+/i

/** Returns the address in a RCPT command that was taken. */
function recipientIn(line: Buffer): Buffer {
  const [verb = ''] = RCPT.exec(line.toString('latin1', 0, COMMAND_MAX)) ?? []
  return bareAddress(parsePath(line.subarray(verb.length), 'TO:')!.path)
}

/**
 * Returns what becomes of a message, or undefined if it passes unseen. `refusal` is that for its
 * form.
 */
async function decide(
  transaction: Transaction,
  refusal: ContentRefusal | undefined,
  judging: Judging,
  server: SmtpServer,
  gone: AbortSignal,
): Promise<Decision | undefined> {
  // After the queue the servers behind count the hops, and a bounce is theirs.
  const hops = server.afterQueue ? undefined : refuseTooManyHops(transaction.message.header)
  let decision: Decision | undefined = refusal ?? hops
  if (decision === undefined) {
    if (judging.kind === 'pass') return undefined
    decision = await judgeVisibly(transaction, judging, server, gone)
  }
  return server.afterQueue ? deferRefusals(decision) : decision
}

/** Has the message judged, and shows operators that it is. */
async function judgeVisibly(
  transaction: Transaction,
  judging: Extract<Judging, { kind: 'judge' }>,
  server: SmtpServer,
  gone: AbortSignal,
): Promise<Decision> {
  const { message, client, envelope } = transaction
  const remote = client.origin?.clientAddress
  const about = { door: 'smtp', remote, from: envelope.sender.text, size: message.size }
  const endShowing = server.begin?.(about)
  try {
    const decision = await judging.judge(
      transaction,
      gone,
      server.lmtp ? 'each' : 'once, some kept',
    )
    if (gone.aborted) throw clientLeft()
    return decision
  } finally {
    endShowing?.()
  }
}

/**
 * Carries a decision out, and resolves to what stands of it: if the client has to send the message
 * again, nothing stays kept, since each attempt would keep it once more.
 */
async function carryOutOnce(
  decision: Decision,
  delivery: SmtpDelivery,
  { complain }: SmtpServer,
): Promise<HandedOn> {
  try {
    const handedOn = await carryOut(decision, delivery)
    const [first] = handedOn.replies
    const isTold = decision.kind !== 'split' || delivery.lmtp || first!.code < 300
    return {
      ...handedOn,
      decision: isTold ? decision : await withdrawKept(decision, delivery.received, complain),
    }
  } catch (error) {
    await withdrawKept(decision, delivery.received, complain)
    throw error
  }
}

/** Returns the reply for anything thrown. If mail is in a queue already, nothing is refused. */
function replyToError(error: unknown, { afterQueue }: SmtpServer): SmtpReply {
  const kind = faultKindOf(error)
  if (kind === 'chain') return NEXT_SERVER_LOST
  const reply = faultReply(kind)
  if (!afterQueue || reply.code < 500) return reply
  return { code: 451, enhanced: reply.enhanced.replace(/^5/, '4'), lines: reply.lines }
}
