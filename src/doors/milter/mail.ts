import type { Decision } from '../../decision.ts'
import { ADDRESS_MAX, makeEnvelope } from '../../envelope/envelope.ts'
import { Fault, type FaultKind, faultKindOf } from '../../fault.ts'
import type { LogEntry } from '../../log.ts'
import type { Origin, Transaction } from '../../transaction.ts'
import { type Circumstances, decisionLines, faultLine, passLine } from '../queue/log-lines.ts'
import { announcedSize, bareAddress } from './address.ts'
import { answerTo, codeOf } from './carry-out.ts'
import type { House } from './house.ts'
import type { Intake } from './intake.ts'
import type { Reception } from './reception.ts'
import { createRecipientList } from './recipient-list.ts'
import type { Address } from './wire/commands.ts'
import { type Agreement, step } from './wire/negotiation.ts'
import { accepted, type SmtpReply, smtpReply } from './wire/replies.ts'
import { WireError } from './wire/wire-error.ts'

/** What is known of a message once it is whole, beside what it is. */
export interface Ending {
  readonly agreement: Agreement
  readonly authenticated: boolean
  /** Address of the SMTP client. */
  readonly remote: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId: string | undefined
  /** What is known of the client beside. */
  readonly origin: Origin
}

/** One message from MAIL to its end. What goes wrong meanwhile is answered at the end. */
export interface Mail {
  readonly sender: Buffer
  /** Bytes that the client announced. */
  readonly size: number | undefined
  /** Whether its header or body has begun. */
  readonly amidContent: boolean
  /** Throws a Fault of kind `out-of-memory` where there is no room for one more. */
  recipient(path: Buffer): void
  /** Answers so at the end, whatever else comes. */
  putOff(fault: Fault): void
  field(name: Buffer, value: Buffer, agreement: Agreement): void
  endHeader(): void
  body(chunk: Buffer): void
  /** The packets that end it: judged, logged, answered. Never rejects. */
  end(ending: Ending): Promise<Buffer>
  /** Frees what it holds; nobody waits for an answer any more. */
  close(): void
}

const SPACE = Buffer.from(' ')

export function openMail({ path, parameters }: Address, house: House): Mail {
  const began = house.now()
  // Copied: what came in one packet must not keep alive all that came with it.
  // One that is too long stays too long.
  const sender = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
  const recipients = createRecipientList(house.openAccount())
  let stage: 'envelope' | 'header' | 'body' | 'end' = 'envelope'
  let reception: Reception | undefined
  let trouble: unknown
  const gone = new AbortController()

  /** Where its parts go; undefined where they are not wanted. */
  function intake(): Intake | undefined {
    if (trouble !== undefined) return undefined
    reception ??= house.receive()
    return reception.kind === 'judge' ? reception.intake : undefined
  }

  function attempt(effect: () => void): void {
    try {
      effect()
    } catch (error) {
      trouble ??= error
      if (reception?.kind === 'judge') reception.intake.discard() // no message comes of it
    }
  }

  function free(): void {
    recipients.free()
    if (reception === undefined) return
    if (reception.kind === 'judge') reception.intake.discard()
    reception = undefined
    house.release()
  }

  async function judge(ending: Ending): Promise<Buffer> {
    const about = (transaction: Transaction | undefined, reply: number | undefined) =>
      circumstances(ending, transaction, reply, house.now() - began)
    let transaction: Transaction | undefined
    try {
      if (trouble !== undefined) throw trouble
      reception ??= house.receive()
      if (reception.kind === 'pass') {
        house.log(passLine(reception.why, about(undefined, undefined)))
        return accepted
      }
      const paths = recipients.paths()
      const envelope = makeEnvelope(sender, paths.map(bareAddress))
      const message = reception.intake.finish()
      try {
        const { clusterPeer } = reception
        const { authenticated: relay, origin } = ending
        const client = { relay, clusterPeer, bounceInjector: false, origin }
        transaction = { message, envelope, client }
        const decision = await reception.judge(transaction, gone.signal)
        if (gone.signal.aborted) throw new Fault('read', 'the MTA left before it was answered')
        const answer = answerTo(decision, { header: message.header, paths }, ending.agreement)
        const told = about(transaction, replyCode(decision))
        for (const line of decisionLines(decision, undefined, told)) house.log(line)
        return answer
      } finally {
        message.close()
      }
    } catch (error) {
      const reply = troubleReply(faultKindOf(error))
      house.log(faultLine(error, undefined, about(transaction, reply.code)))
      return smtpReply(reply)
    }
  }

  return {
    sender,
    size: announcedSize(parameters),
    get amidContent() {
      return stage !== 'envelope'
    },
    recipient(to) {
      if (stage !== 'envelope') throw new WireError('RCPT behind the envelope')
      // Whoever was asked about it may have answered when it was too late.
      if (trouble === undefined && !gone.signal.aborted) recipients.add(to)
    },
    putOff(fault) {
      trouble ??= fault
      recipients.free() // it goes to none of them
    },
    field(name, value, { steps }) {
      if (stage === 'body') throw new WireError('a header field behind the header')
      stage = 'header'
      const whole = steps & step.leadingSpace ? value : Buffer.concat([SPACE, value])
      attempt(() => intake()?.field(name, whole))
    },
    endHeader() {
      stage = 'body'
      attempt(() => intake()?.endHeader())
    },
    body(chunk) {
      stage = 'body'
      attempt(() => intake()?.body(chunk))
    },
    async end(ending) {
      stage = 'end'
      try {
        return await judge(ending)
      } finally {
        free()
      }
    },
    close() {
      gone.abort()
      if (stage !== 'end') free()
    },
  }
}

function circumstances(
  { remote, queueId }: Ending,
  transaction: Transaction | undefined,
  reply: number | undefined,
  total: number,
): Circumstances {
  const door: LogEntry[] = [
    ['reply', reply],
    ['door', 'milter'],
    ['queue', queueId],
  ]
  return { door, remote, transaction, total }
}

function replyCode(decision: Decision): number | undefined {
  return decision.kind === 'reject' || decision.kind === 'defer'
    ? codeOf(decision.reply)
    : undefined
}

/** What the SMTP client is told of a fault: all of them may be over when it tries again, but one. */
function troubleReply(kind: FaultKind): SmtpReply {
  if (kind === 'address-too-long') {
    return { code: 553, enhanced: '5.1.0', lines: ['an address is longer than 1002 bytes'] }
  }
  const lines = ['the message cannot be looked at now, try again later']
  return { code: 451, enhanced: '4.3.0', lines }
}
