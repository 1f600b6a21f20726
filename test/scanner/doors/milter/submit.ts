import { once } from 'node:events'
import { step } from '../../../../src/scanner/protocol/milter/milter-offer.ts'
import {
  type Agreed,
  call,
  exchange,
  type Line,
  type MilterPacket,
  macros,
  negotiate,
  packets,
} from './mta.ts'
import { type QueuedMessage, queueMessage } from './queued-message.ts'

/** Sends one message through a filter, as an MTA does, and follows the filter's answer. */

export interface Submission {
  readonly message: Buffer
  readonly sender?: string
  readonly recipients?: readonly string[]
  /** Address of the SMTP client. */
  readonly client?: string
  /** Parameters of MAIL. */
  readonly parameters?: readonly string[]
  /** `{auth_authen}`. */
  readonly authenticated?: string
  readonly queueId?: string
  /** `{rcpt_addr}` of a recipient: how the MTA understands it. */
  readonly resolved?: Readonly<Record<string, string>>
  /** Bytes of a body chunk. */
  readonly chunk?: number
  /** Whether the last of the body comes with its end, as from Sendmail. */
  readonly endsWithData?: boolean
}

export interface Delivery {
  readonly outcome: 'delivered' | 'refused' | 'deferred' | 'dropped'
  /** `550 5.7.1 text`, or '' where the MTA has its own words. */
  readonly reply: string
  /** What goes on, where it does. */
  readonly message: Buffer
  readonly recipients: readonly string[]
  /** Why the MTA holds it in its queue, or ''. */
  readonly held: string
  /** Of recipients that were refused one by one. */
  readonly refusals: readonly string[]
}

/** Postfix's MILTER_CHUNK_SIZE. */
const CHUNK = 65_535

/** Sends one message through a filter by a connection of its own. */
export async function submitTo(place: string | number, mail: Submission): Promise<Delivery> {
  const line = await call(place)
  try {
    const agreed = await negotiate(line)
    await exchange(line, agreed, packets.connect(mail.client ?? '127.0.0.1'))
    await exchange(line, agreed, packets.helo)
    return await submit(line, agreed, mail)
  } finally {
    await line.close()
  }
}

/** Sends one message; `queued` is as the MTA has it. */
export async function submit(
  line: Line,
  agreed: Agreed,
  mail: Submission,
  queued: QueuedMessage = queueMessage(mail.message),
): Promise<Delivery> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], chunk = CHUNK } = mail
  const { authenticated = '', queueId = '4TEST' } = mail
  const taken: string[] = []
  const refusals: string[] = []

  line.write(macros('M', authenticated === '' ? {} : { '{auth_authen}': authenticated }))
  expectContinue(await exchange(line, agreed, packets.mail(sender, ...(mail.parameters ?? []))))
  for (const recipient of recipients) {
    const resolved = mail.resolved?.[recipient]
    line.write(macros('R', resolved === undefined ? {} : { '{rcpt_addr}': resolved }))
    const answer = await exchange(line, agreed, packets.recipient(recipient))
    if (answer?.command === 'y') refusals.push(replyOf(answer))
    else {
      expectContinue(answer)
      taken.push(recipient)
    }
  }
  expectContinue(await exchange(line, agreed, packets.data))
  for (const { name, value } of queued.fields) {
    const sent = agreed.steps & step.leadingSpace ? value : value.replace(/^ /, '')
    expectContinue(await exchange(line, agreed, packets.field(name, sent)))
  }
  expectContinue(await exchange(line, agreed, packets.endOfHeader))
  let at = 0
  const kept = mail.endsWithData ? Math.min(chunk, queued.body.length) : 0
  for (; at < queued.body.length - kept; at += chunk) {
    expectContinue(
      await exchange(
        line,
        agreed,
        packets.body(queued.body.subarray(at, Math.min(at + chunk, queued.body.length - kept))),
      ),
    )
    await drained(line)
  }
  line.write(macros('E', { i: queueId }))
  line.write(packets.endWith(queued.body.subarray(queued.body.length - kept)))
  return { ...(await finish(line, agreed, queued, taken)), refusals }
}

/** Waits until the filter has read, so that large messages do not lie in memory here. */
async function drained({ socket }: Line): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return
  const over = new AbortController()
  const first = (event: string) => once(socket, event, { signal: over.signal })
  await Promise.race([first('drain'), first('close')])
  over.abort()
}

async function finish(
  line: Line,
  agreed: Agreed,
  queued: QueuedMessage,
  taken: string[],
): Promise<Omit<Delivery, 'refusals'>> {
  const space = agreed.steps & step.leadingSpace ? '' : ' '
  let recipients = taken
  let held = ''
  for (;;) {
    const answer = await line.hear()
    if (answer === undefined) throw new Error('the filter left without an answer')
    const { command, data } = answer
    const ended = (outcome: Delivery['outcome'], reply = '') => ({
      outcome,
      reply,
      message: queued.out(),
      recipients,
      held,
    })
    switch (command) {
      case 'i':
      case 'm': {
        const [name = '', value = ''] = data.toString('latin1', 4).split('\0')
        const index = data.readUInt32BE()
        if (command === 'i') queued.insertField(index, name, `${space}${value}`)
        else queued.changeField(index, name, value && `${space}${value}`)
        break
      }
      case 'h': {
        const [name = '', value = ''] = data.toString('latin1').split('\0')
        queued.insertField(Number.MAX_SAFE_INTEGER, name, `${space}${value}`)
        break
      }
      case '+':
        recipients = [...recipients, bare(data)]
        break
      case '-':
        recipients = recipients.filter((recipient) => recipient !== bare(data))
        break
      case 'q':
        held = data.toString('latin1').replace('\0', '')
        break
      case 'a':
      case 'c':
        return ended('delivered')
      case 'd':
        return ended('dropped')
      case 'r':
        return ended('refused')
      case 't':
        return ended('deferred')
      case 'y': {
        const reply = replyOf(answer)
        return ended(reply.startsWith('5') ? 'refused' : 'deferred', reply)
      }
      default:
        throw new Error(`an answer of ${JSON.stringify(command)}`)
    }
  }
}

function expectContinue(answer: MilterPacket | undefined): void {
  if (answer !== undefined && answer.command !== 'c') {
    throw new Error(`answered by ${answer.command} ${answer.data.toString('latin1')}`)
  }
}

function bare(data: Buffer): string {
  return data.toString('latin1').replace(/^<(.*)>\0$/s, '$1')
}

/** Returns the text of a reply, with percent signs as Postfix and Sendmail read them. */
export function replyOf({ data }: MilterPacket): string {
  return data.toString('latin1').slice(0, -1).replaceAll('%%', '%')
}
