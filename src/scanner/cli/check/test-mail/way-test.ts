import { setTimeout } from 'node:timers/promises'
import { type CheckLine, failure, hasMark, warning } from '../../../../base/check/check-line.ts'
import type { LogRecord } from '../../../log/parsed-line.ts'
import {
  cleanMessage,
  eicarMessage,
  largeEicarMessage,
} from '../../../readiness/test-mail/eicar-message.ts'
import { LOOPBACK_ADDRESSES } from '../../host/open-ports.ts'
import { remedyOfReply, remedyOfSize, TLS_SETTINGS } from './complaints.ts'
import { deferralOfSender } from './deferred-sender.ts'
import { A_LOOP, isInfectedForClient, judgeCleanMail, judgeInfectedMail } from './logged-mail.ts'
import { nameMail } from './name-mail.ts'
import type { SendingWay, SentMail } from './send-mail.ts'
import {
  type CausedLine,
  caused,
  LOG_TIMEOUT,
  type MailTest,
  type SentTestMail,
  type TestedMail,
  type TestedWay,
} from './tested-way.ts'
import { handledByRule } from './unlogged-mail.ts'
import { judgeUnsent } from './unsent-mail.ts'

/** A sender of a domain that receives no mail, as its record in the DNS states (RFC 7505): a server may refuse it, and not defer it. */
const STRANGER = 'postmaster@example.com'
/** Bytes of the large mail: more than the sizes from which on some hosts scan nothing. */
const LARGE_MAIL = 300 * 1024
const largeEicar = largeEicarMessage(LARGE_MAIL).gather()
/** Milliseconds for a line about mail of a program, which is taken before any filter has seen it: rspamd may need seconds for each. */
const QUEUED_LOG_TIMEOUT = 20_000
/** Milliseconds after a line in which a looping message returns. */
const LOOP_TIMEOUT = 2_500

/** The test of one way with the messages. */
export class WayTest {
  #way: SendingWay
  /** The empty sender, so that no bounce is sent, or else the recipient. */
  #sender = ''
  readonly #name: string
  readonly #run: MailTest

  constructor(way: SendingWay, run: MailTest) {
    this.#way = way
    this.#name = 'program' in way ? way.program : `port ${way.port}`
    this.#run = run
  }

  get #tested(): TestedWay {
    return { way: this.#way, name: this.#name, run: this.#run }
  }

  #mail(title: string, sent: SentTestMail, isInfected = true): TestedMail {
    return { ...this.#tested, what: `${this.#name}, ${title}`, isInfected, sent }
  }

  async checkLines(): Promise<CausedLine[]> {
    let clean = await this.#send(cleanMessage)
    if (clean.kind === 'requires TLS' && 'port' in this.#way && this.#way.security === 'none') {
      this.#way = { ...this.#way, security: 'starttls' }
      clean = await this.#send(cleanMessage)
    }
    const others: CausedLine[] = []
    if (this.#isForBounces() && clean.kind !== 'accepted' && /^(?:MAIL|RCPT)/.test(clean.command)) {
      this.#sender = this.#run.address
      const other = await this.#send(cleanMessage)
      if (other.kind === 'accepted') {
        others.push(refusesBounces(this.#name, clean))
        clean = other
      }
    }
    const early = await this.#expectsTls(clean)
    if (early !== undefined) return [early]
    const unsent = await judgeUnsent(this.#tested, clean)
    if (unsent !== undefined && clean.command !== 'DATA') return [unsent]
    // A problem with the clean mail is reported first, because it affects all mail.
    let infected = clean.kind === 'accepted' ? await this.#send(eicarMessage, true) : undefined
    if (infected?.command === 'STARTTLS') {
      others.push(this.#cannotEncrypt(infected))
      infected = await this.#send(eicarMessage)
    }
    const large = infected && (await this.#send(largeEicar))
    const deferral = clean.kind === 'accepted' ? this.#deferralOfSender() : []
    const [ofClean, ofInfected, ofLarge] = await Promise.all(
      [clean, infected, large].map((sent) => sent && this.#readAbout(sent)),
    )
    others.push(...(await deferral))
    const cleanMail = this.#mail('clean mail', clean, false)
    if (unsent !== undefined && ofClean!.length === 0) return [handledByRule(cleanMail) ?? unsent]
    const judged = await judgeCleanMail(cleanMail, ofClean!)
    if (infected === undefined || hasMark(judged, 'local mail')) return [judged, ...others]
    const found = await judgeInfectedMail(this.#mail('EICAR', infected), ofInfected!)
    const tooSmall = large?.kind === 'refused' ? remedyOfSize(large.text) : undefined
    if (tooSmall !== undefined) {
      const value = `is refused for its size (${LARGE_MAIL / 1024} KB), like most mail with attachments: ${large!.text}`
      others.push(failure(`${this.#name}, large mail`, value, tooSmall))
    }
    // The large mail is reported only if its outcome differs from that of the small one.
    const largeMail = this.#mail('EICAR in a large message', large!)
    const gets = await judgeInfectedMail(largeMail, ofLarge!)
    const differs = found.level === 'ok' && gets.level === 'error'
    return [judged, found, ...(differs ? [gets] : []), ...others]
  }

  /** Resolves to the check line about a port at which senders wait for a greeting, since the server waits for TLS. */
  async #expectsTls({ kind, code, command }: SentTestMail): Promise<CheckLine | undefined> {
    const isSilent = kind === 'deferred' && command === 'CONN' && code === undefined
    if (!isSilent || !('port' in this.#way) || this.#way.security !== 'none') return undefined
    const overTls = await this.#sendBy({ ...this.#way, security: 'tls' }, cleanMessage)
    // A certificate may be missing, too. A server without TLS does not answer, or answers without it.
    const fails =
      overTls.command === 'STARTTLS' && !/wrong version|packet length/.test(overTls.text)
    if (overTls.code === undefined && !fails) return undefined
    const value =
      'expects TLS at once, like port 465: senders get no greeting, and their mail waits'
    const remedy =
      'let this port begin without TLS: smtpd_tls_wrappermode=no for its service (Postfix), no tls_on_connect_ports (Exim), no modifier s in DAEMON_OPTIONS (Sendmail)'
    return failure(this.#name, value, remedy)
  }

  /** Sends a message, over TLS if the server offers it and a sender would use it (`mayEncrypt`). */
  #send(message: Buffer, mayEncrypt = false): Promise<SentTestMail> {
    const isPlain = 'port' in this.#way && this.#way.security === 'none'
    const way: SendingWay =
      mayEncrypt && isPlain ? { ...this.#way, security: 'starttls' } : this.#way
    return this.#sendBy(way, message)
  }

  async #sendBy(way: SendingWay, message: Buffer): Promise<SentTestMail> {
    const { sendMail } = await import('./send-mail.ts')
    const mail = nameMail(message, this.#run.address)
    return { ...mail, ...(await sendMail(way, mail.message, this.#run.address, this.#sender)) }
  }

  /** Returns whether bounces arrive by this way: the ports of RFC 6409 and RFC 8314 are for users. */
  #isForBounces = () => 'port' in this.#way && ![587, 465].includes(this.#way.port)

  /** Resolves to the check line about a rule that applies only to mail with a sender. */
  async #deferralOfSender(): Promise<CausedLine[]> {
    const { address } = this.#run
    if (!('port' in this.#way) || this.#way.security !== 'none' || this.#sender !== '') return []
    const { host, port } = this.#way
    const hosts = host === undefined ? LOOPBACK_ADDRESSES : [host]
    const text = await deferralOfSender({ hosts, port }, STRANGER, address)
    if (text === undefined) return []
    const value = `is deferred, although mail from the empty sender is accepted: ${text}`
    const rule =
      'correct what the rule for senders needs that this reply names (in Postfix, of smtpd_sender_restrictions or a policy service)'
    return [warning(`${this.#name}, mail from ${STRANGER}`, value, remedyOfReply(text) ?? rule)]
  }

  #cannotEncrypt({ text }: SentMail): CausedLine {
    const value = `is offered, and fails: mail from senders that require TLS is lost: ${text}`
    const remedy = `correct the certificate and the key of the mail server (${TLS_SETTINGS}), then restart it`
    return caused(`${this.#name}, STARTTLS`, value, this.#run.log.complaintOfTls, remedy)
  }

  /** Resolves to the lines about the mail in onescan's logs. */
  async #readAbout({ id, kind }: SentTestMail): Promise<LogRecord[]> {
    const within = 'program' in this.#way ? QUEUED_LOG_TIMEOUT : LOG_TIMEOUT
    let seen = await this.#run.log.waitForRecords(id, within)
    // The client of the clamd door, such as amavis, decides after it.
    const isClients = kind === 'accepted' && isInfectedForClient(seen)
    if (isClients) await this.#run.log.waitForDelivery(id, LOG_TIMEOUT)
    // After a queue the mail may arrive again, once for each delivery.
    while (seen.length < A_LOOP && seen.some(({ fields }) => fields.get('interface') === 'smtp')) {
      await setTimeout(LOOP_TIMEOUT)
      const again = this.#run.log.recordsOf(id)
      if (again.length === seen.length) break
      seen = again
    }
    return seen
  }
}

/** Returns the warning about a server that refuses the empty sender (RFC 5321 4.5.5), and accepts mail from another one. */
function refusesBounces(way: string, { text }: SentMail): CausedLine {
  const value = `is refused, so that bounces do not arrive here: ${text}`
  const remedy =
    'exempt the empty sender (<>) from the rule that this reply names: in Postfix, of smtpd_sender_restrictions or check_sender_access'
  return warning(`${way}, empty sender`, value, remedy)
}
