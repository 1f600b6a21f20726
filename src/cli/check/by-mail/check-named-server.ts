import {
  type Finding,
  failure,
  ok,
  type TrialResult,
  warning,
} from '../../../lib/errors/finding.ts'
import { type Delivery, deliveryOf } from './delivery.ts'
import { type Mailbox, untilDelivered } from './mailbox.ts'
import type { SentMail, SmtpWay } from './send-mail.ts'
import {
  cleanMail,
  infectedMails,
  isAddress,
  type NamedMail,
  nameMail,
  notAnAddress,
  type TrialKind,
} from './trial-mails.ts'

/** A mail, and what the server answered. */
interface SentTrial {
  readonly kind: TrialKind
  readonly mail: NamedMail
  readonly sent: SentMail
}

/** A server that has begun to refuse all mail does not take it. */
const lastMail: TrialKind = { ...cleanMail, kind: 'clean-last', name: 'clean mail, the last' }

/** A server to which mail for trial is sent, and what shows that mail when it is delivered. */
export interface NamedServer {
  /** The recipient. */
  readonly address: string
  readonly way: SmtpWay
  readonly mailbox: Mailbox | undefined
  /** Milliseconds for the delivery. */
  readonly deliveredWithin: number
}

/**
 * Sends a clean mail, mail with the EICAR test file and a clean mail again to a server of any host, and finds
 * what that does with it, by its answers and in the mailbox.
 */
export async function* checkNamedServer(server: NamedServer): AsyncGenerator<Finding> {
  const { address, way, mailbox, deliveredWithin } = server
  if (!isAddress(address)) {
    yield notAnAddress(address)
    return
  }
  const { sendMail } = await import('./send-mail.ts')
  const trials: SentTrial[] = []
  const left = [cleanMail, ...infectedMails, lastMail]
  for (let kind = left.shift(); kind !== undefined; kind = left.shift()) {
    const mail = nameMail(kind.message, address)
    const sent = await sendMail(way, mail.message, address)
    trials.push({ kind, mail, sent })
    if (sent.code === undefined || (kind === cleanMail && sent.kind !== 'taken')) break
  }
  const deliveries = await deliveriesOf(trials, mailbox, deliveredWithin)
  for (const trial of trials) yield judge(trial, deliveries?.get(trial), mailbox)
  if (left.length > 0) {
    const names = left.map(({ name }) => name).join(', ')
    yield failure('other mail', `not sent: ${names}`, 'correct what is above, and run check again')
  }
}

/** What became of each mail that was accepted; undefined if no mailbox shows even the clean ones. */
async function deliveriesOf(
  trials: readonly SentTrial[],
  mailbox: Mailbox | undefined,
  within: number,
): Promise<ReadonlyMap<SentTrial, Delivery> | undefined> {
  const taken = trials.filter(({ sent }) => sent.kind === 'taken')
  if (mailbox === undefined || taken.length === 0) return undefined
  const mails = taken.map(({ mail }) => mail)
  const delivered = await untilDelivered(mailbox, mails, within)
  const deliveries = new Map(
    taken.map((trial) => [trial, deliveryOf(trial.kind, trial.mail, delivered)]),
  )
  const isSeen = taken.some((t) => isClean(t) && deliveries.get(t)!.fate !== 'not delivered')
  return isSeen ? deliveries : undefined
}

const isClean = ({ kind }: SentTrial) => kind.malware.length === 0

function judge(
  trial: SentTrial,
  delivery: Delivery | undefined,
  mailbox: Mailbox | undefined,
): Finding {
  const { kind, mail, sent } = trial
  const finding = isClean(trial)
    ? judgeClean(trial, delivery, mailbox)
    : judgeInfected(trial, delivery, mailbox)
  const answer =
    sent.code === undefined ? 'none' : sent.kind === 'taken' ? 'accepted' : wordOf(sent)
  const result: TrialResult = {
    kind: kind.kind,
    id: mail.id,
    answer,
    ...(sent.code !== undefined && { code: sent.code }),
    reply: sent.text,
    ...(answer === 'accepted' && { delivery: delivery?.fate ?? 'not known' }),
    ...(delivery && { tags: delivery.tags }),
  }
  return { ...finding, mail: result }
}

const wordOf = ({ code = 0 }: SentMail) => (code >= 500 ? 'refused' : 'deferred')

function judgeClean(
  { kind: { name }, sent }: SentTrial,
  delivery: Delivery | undefined,
  mailbox: Mailbox | undefined,
): Finding {
  if (sent.kind !== 'taken') return notTaken(name, sent)
  const value = `accepted: ${sent.text}`
  if (mailbox === undefined) return ok(name, value)
  switch (delivery?.fate) {
    case 'as it was':
      return ok(name, `${value}; delivered as it was`)
    case 'tagged':
    case 'tagged as spam':
      return failure(
        name,
        `${value}; delivered with ${tagsIn(delivery)}`,
        'have the filter tag infected mail alone: what it tags here proves nothing',
      )
    default:
      return failure(
        name,
        `${value}; not delivered to ${mailbox.name} in time`,
        'name the mailbox of this address; if it is that, see the queue of the mail server',
      )
  }
}

/** Why a clean mail was not accepted, and what to do. */
function notTaken(name: string, { kind, step, code, text }: SentMail): Finding {
  if (kind === 'nobody listens') {
    return failure(name, `no server: ${text}`, 'name its host and port: --smtp HOST:PORT')
  }
  if (kind === 'wants TLS') return failure(name, `refused with ${text}`, 'add --tls')
  if (step === 'TLS') {
    const remedy = 'enable STARTTLS on the server, or leave out --tls and --user'
    return failure(name, `not sent, as the server offers no TLS: ${text}`, remedy)
  }
  if (code === undefined) {
    const remedy =
      'see the log of the mail server; a certificate must be valid for the host of --smtp, by an authority that is known or named by --ca'
    return failure(name, `no answer: ${text}`, remedy)
  }
  const value = `${wordOf({ kind, step, code, text })} with ${text}`
  if (step === 'login') return failure(name, value, 'correct --user and its password')
  if (kind === 'wants authentication') {
    const remedy =
      'name an address whose mail this server takes, or add --tls, --user and --password-file'
    return failure(name, value, remedy)
  }
  if (code < 500) {
    const remedy = 'if the server delays mail of unknown hosts (greylisting), run check again later'
    return failure(name, value, `${remedy}; else see its log`)
  }
  return failure(
    name,
    value,
    'have the server accept it, or name another address: a server that refuses all mail proves nothing',
  )
}

function judgeInfected(
  { kind: { name, kind }, sent }: SentTrial,
  delivery: Delivery | undefined,
  mailbox: Mailbox | undefined,
): Finding {
  if (sent.code === undefined) return notTaken(name, sent)
  if (sent.kind !== 'taken') {
    const value = `${wordOf(sent)} with ${sent.text}`
    if (sent.step !== 'content') {
      const remedy =
        'exempt this host from the limits of the server while you check: no scanner has seen it'
      return failure(name, `${value}, before its content was sent`, remedy)
    }
    if (sent.code >= 500) return ok(name, value)
    return warning(name, value, 'refuse it with 5xx: its sender tries again for days')
  }
  const value = `accepted: ${sent.text}`
  switch (delivery?.fate) {
    case 'tagged':
      return ok(name, `${value}; tagged with ${tagsIn(delivery)}`)
    case 'tagged as spam': {
      const remedy = 'have what the scanner finds refused or tagged: a reader may trust spam'
      return warning(name, `${value}; tagged as spam alone, with ${tagsIn(delivery)}`, remedy)
    }
    case 'removed': {
      const tags = delivery.tags.length === 0 ? '' : `, with ${tagsIn(delivery)}`
      return ok(name, `${value}; the test file was removed from it${tags}`)
    }
    case 'not delivered':
      return ok(name, `${value}; not delivered, unlike the clean mail`)
    case 'as it was': {
      const remedy = kind.startsWith('hidden')
        ? 'have a scanner look at it that reads mail as mail programs do: doc/second-look.md'
        : 'have the server ask a scanner about the whole mail, and refuse or tag what that finds'
      return failure(name, `${value}; delivered as it was`, remedy)
    }
    default: {
      const remedy =
        mailbox === undefined
          ? 'have such mail refused, or show check the delivered mail: --maildir, --mbox'
          : 'correct what is said about the clean mail, and run check again'
      return failure(name, `${value}; not known whether it was tagged`, remedy)
    }
  }
}

const tagsIn = ({ tags }: Delivery) => tags.map((tag) => `"${tag}"`).join(' and ')
