import { Fault, faultKindOf } from '../../ground/errors/fault.ts'
import type { LogEntry } from '../../ground/errors/log.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import type { Decision } from '../../judge/decision.ts'
import type { AnswerMode } from '../../judge/divide.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { type MailAddress, readAddress } from '../../message/envelope/address.ts'
import { ADDRESS_MAX, makeEnvelope } from '../../message/envelope/envelope.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import { createRecipientList } from '../shared/intake/recipient-list.ts'
import type { Judging } from '../shared/judging.ts'
import { keepAsDecided } from '../shared/keep-message.ts'
import {
  aboutShare,
  decisionLines,
  faultLine,
  type LogContext,
  passLine,
} from '../shared/log/log-lines.ts'
import { faultReply } from '../shared/replies/smtp-reply.ts'
import type { SmtpReply } from '../shared/wire/reply-lines.ts'
import { announcedSize, bareAddress, type SmtpPath } from '../shared/wire/smtp-path.ts'
import { afterQueue } from './after-queue.ts'
import { carryOut, dropped, dropTransaction, passOn, toAll } from './carry-out.ts'
import type { SmtpClient } from './client.ts'
import { createSmtpIntake, type ReceivedMessage, type SmtpIntake } from './intake.ts'
import type { NextServer } from './next-server.ts'
import { type ContentRefusal, refuseContent, refuseTooManyHops } from './refusals.ts'
import type { SmtpServer } from './server.ts'
import { trialReply } from './trial.ts'
import { COMMAND_MAX, parsePath } from './wire/commands.ts'
import { createContentReader } from './wire/content.ts'
import { type RawReply, rawReply, replyTexts } from './wire/replies.ts'

/** What is known of the sender of a message. */
export interface SendingClient {
  readonly origin: Origin
  readonly relay: boolean
}

/** One message from MAIL to its end. */
export interface SmtpTransaction {
  readonly sender: MailAddress
  /** Whether it is a trial of onescand's own. */
  readonly isTrial: boolean
  /** Bytes that the client announced. */
  readonly size: number | undefined
  /** How many the next server has taken. */
  readonly recipients: number
  /** What was said of it: MAIL, and RCPT of its recipients. */
  commands(): Iterable<Buffer>
  /** The RCPT command as it was said. Throws a Fault of kind `out-of-memory` if there is no room for one more. */
  addRecipient(line: Buffer): void
  /** The next server has not taken the last one. */
  removeLastRecipient(): void
  /** Receives the content, judges it and carries the decision out: the replies to it. Never rejects. */
  receive(
    client: SmtpClient,
    next: NextServer,
    sending: SendingClient,
  ): Promise<readonly RawReply[]>
  /** Frees what it holds. */
  close(): void
}

/** `line` is the MAIL command as it was said, `path` and parameters what it says. */
export function openTransaction(
  line: Buffer,
  { path, parameters }: SmtpPath,
  server: SmtpServer,
): SmtpTransaction {
  // An address that is too long stays too long.
  const from = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
  const sender = readAddress(from)
  const recipients = createRecipientList(server.openLease())

  async function judge(
    judging: Extract<Judging, { kind: 'judge' }>,
    transaction: Transaction,
    gone: AbortSignal,
  ): Promise<Decision> {
    const { size } = transaction.message
    const remote = transaction.client.origin?.clientAddress
    const over = server.begin?.({ door: 'smtp', remote, from: sender.text, size })
    try {
      const answers: AnswerMode = server.lmtp ? 'each' : 'once, some kept'
      const decision = await judging.judge(transaction, gone, answers)
      if (gone.aborted) throw clientLeft()
      return decision
    } finally {
      over?.()
    }
  }

  function transactionOf(
    { message }: ReceivedMessage,
    judging: Judging,
    { relay, origin }: SendingClient,
    lines: readonly Buffer[],
  ): Transaction {
    const envelope = makeEnvelope(from, lines.map(recipientIn))
    const clusterPeer = judging.kind === 'judge' && judging.clusterPeer
    return { message, envelope, client: { relay, clusterPeer, bounceInjector: false, origin } }
  }

  const isTrial = server.isTrial(sender.text)

  return {
    sender,
    isTrial,
    size: announcedSize(parameters),
    get recipients() {
      return recipients.count
    },
    commands: () => [line, ...recipients.paths()],
    addRecipient: recipients.add,
    removeLastRecipient: recipients.removeLast,
    async receive(client, next, sending) {
      const began = server.now()
      const { gone } = client
      const lines = recipients.paths()
      const outlet = { next, mailLine: line, recipients: lines, lmtp: server.lmtp, gone }
      let transaction: Transaction | undefined
      const about = (replies: readonly RawReply[], next = ''): LogContext => ({
        door: doorEntries(sending.origin, replies, next),
        remote: sending.origin.clientAddress,
        transaction,
        total: server.now() - began,
      })
      try {
        const judging = server.startJudging()
        return await withContent(client, judging, server, async (taken, refusal) => {
          transaction = transactionOf(taken, judging, sending, lines)
          // After the queue the answer of the servers behind counts, and a bounce is theirs.
          const round = server.afterQueue ? undefined : refuseTooManyHops(taken.message.header)
          const found = refusal ?? round ?? (judging.kind === 'judge' && (await judge(judging, transaction, gone))) // biome-ignore format: a line
          const allowed = found && server.afterQueue ? afterQueue(found) : found
          if (isTrial) return toAll(trialReply(allowed || undefined), outlet)
          const decision =
            allowed && (await keepAsDecided(allowed, transaction, undefined, about([dropped])))
          const replies = await (decision
            ? carryOut(decision, { ...outlet, taken })
            : passOn({ ...outlet, taken }))
          for (const line of linesAbout(decision || undefined, judging, replies, about)) {
            server.log(line)
          }
          return replies
        })
      } catch (error) {
        const reply = rawReply(troubleReply(error, server))
        server.log(faultLine(error, undefined, about([reply])))
        await dropTransaction(next)
        return toAll(reply, outlet)
      }
    },
    close: recipients.free,
  }
}

const RCPT = /^RCPT[ \t]+/i

/** The address of a RCPT command that was taken. */
function recipientIn(line: Buffer): Buffer {
  const [verb = ''] = RCPT.exec(line.toString('latin1', 0, COMMAND_MAX)) ?? []
  return bareAddress(parsePath(line.subarray(verb.length), 'TO:')!.path)
}

/** What the log tells: of each share with the replies to its own recipients. */
function* linesAbout(
  decision: Decision | undefined,
  judging: Judging,
  replies: readonly RawReply[],
  about: (replies: readonly RawReply[], next?: string) => LogContext,
): Generator<Buffer> {
  if (decision === undefined) {
    yield passLine('why' in judging ? judging.why : '', about(replies, refusedBy(replies)))
    return
  }
  const parts =
    decision.kind === 'split'
      ? decision.shares.map((share, place) => {
          const { shareOf } = decision
          const own = replies.filter((_, index) => replies.length === 1 || shareOf[index] === place)
          return { share, own }
        })
      : [{ share: undefined, own: replies }]
  for (const { share, own } of parts) {
    const decided = share?.decision ?? decision
    const told = about(own, decided.kind === 'accept' ? refusedBy(own) : '')
    yield* decisionLines(decided, undefined, share ? aboutShare(share, told) : told)
  }
}

/** Receives the content; the message is closed, and all is freed, when `use` has come to its end. */
async function withContent<Result>(
  client: SmtpClient,
  judging: Judging,
  server: SmtpServer,
  use: (taken: ReceivedMessage, refusal: ContentRefusal | undefined) => Promise<Result>,
): Promise<Result> {
  const intake = createSmtpIntake(judging.look, server.openLease)
  try {
    const refusal = await takeIn(client, intake, server)
    const taken = await intake.finish()
    try {
      return await use(taken, refusal)
    } finally {
      taken.message.close()
    }
  } finally {
    intake.discard()
  }
}

/** Reads to the end of the content, whatever becomes of it; then throws what went wrong meanwhile. */
async function takeIn(
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
        const waits = intake.write(piece, reader.bareLf)
        if (waits) await waits
      } catch (error) {
        trouble = error
        intake.discard() // no message comes of it
      }
    }
    if (reader.rest.length === 0) releaseBuffer(chunk)
  }
  client.giveBack(reader.rest)
  if (trouble !== undefined) throw trouble
  return refuseContent(reader, size, server)
}

function clientLeft(): Fault {
  return new Fault('read', 'the client left before it was answered')
}

/** The reply for anything thrown. If mail is in a queue already, nothing is refused. */
function troubleReply(error: unknown, { afterQueue }: SmtpServer): SmtpReply {
  const kind = faultKindOf(error)
  if (kind === 'chain') return NEXT_SERVER_LOST
  const reply = faultReply(kind)
  if (!afterQueue || reply.code < 500) return reply
  return { code: 451, enhanced: reply.enhanced.replace(/^5/, '4'), lines: reply.lines }
}

/** RFC 3463: the connection to another server broke. */
export const NEXT_SERVER_LOST: SmtpReply = {
  code: 451,
  enhanced: '4.4.2',
  lines: ['the next mail server does not answer as it should, try again later'],
}

function doorEntries(origin: Origin, replies: readonly RawReply[], next: string): LogEntry[] {
  return [
    ['reply', worstOf(replies)?.code],
    ['next', next],
    ['door', 'smtp'],
    ['queue', origin.queueId],
  ]
}

/** What the next server said if it has not taken the message. */
function refusedBy(replies: readonly RawReply[]): string {
  const worst = worstOf(replies)
  return worst === undefined || worst.code < 400
    ? ''
    : `${worst.code} ${replyTexts(worst).join(' ')}`
}

function worstOf(replies: readonly RawReply[]): RawReply | undefined {
  return replies.find(({ code }) => code >= 400) ?? replies[0]
}
