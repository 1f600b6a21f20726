import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import {
  type CheckLine,
  failure,
  hasMark,
  marked,
  ok,
  warning,
} from '../../../../base/check/check-line.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { OF_CHECK } from '../../../log/message-lines.ts'
import type { LogRecord } from '../../../log/parsed-line.ts'
import type { LogFile } from '../../../log/read-log.ts'
import { isExims, isQmails, SENDMAIL } from '../../../protocol/smtp/sendmail-program.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import {
  cleanMessage,
  eicarMessage,
  largeEicarMessage,
} from '../../../readiness/test-mail/eicar-message.ts'
import { greetedBy, greeting, isListening, listenersOfHost } from '../../host/open-ports.ts'
import { findMailServers, type MailServer } from '../mail-server-config/mail-servers.ts'
import { AS_ROOT } from '../services/service-state.ts'
import {
  remedyOfDelay,
  remedyOfReply,
  remedyOfSize,
  type ServerComplaint,
  TLS_SETTINGS,
} from './complaints.ts'
import { deferralOfSender } from './deferred-sender.ts'
import { FollowedLog, MILTER_REFUSAL } from './followed-log.ts'
import { queueLength } from './mail-queue.ts'
import { isAddress, type NamedMail, nameMail } from './name-mail.ts'
import type { SendingWay, SentMail } from './send-mail.ts'

const DISCARDS =
  'remove DISCARD from header_checks, body_checks or the access map, then run postfix reload'
const SCANS_LOCAL_MAIL =
  'set acl_not_smtp to an ACL with "deny malware = *" and "accept", as doc/exim.md shows, to scan mail of local programs'
const OTHER_SERVERS =
  'connect the mail server to onescan as doc/other-servers.md shows, and restart it'
const HOW_TO_CONNECT: Readonly<Record<MailServer, string>> = {
  qmail: 'connect the mail server to onescan as doc/qmail.md shows',
  Exim: 'put "deny malware = *" at the top of the ACL that exim4 -bP acl_smtp_data prints, or without av_scanner run the script of doc/exim.md (again), and restart Exim',
  Postfix:
    "add onescan's milter to smtpd_milters as README.md shows, also where a service has its own (postconf -P); a proxy has smtpd_proxy_filter instead, as doc/postfix.md shows",
  Sendmail: OTHER_SERVERS,
  OpenSMTPD: OTHER_SERVERS,
}

/**
 * The usual routes by which a host accepts mail: RFC 5321, RFC 6409, RFC 8314, and the program of local mail.
 */
const USUAL: readonly SendingWay[] = [
  { port: 25, security: 'none' },
  { port: 587, security: 'starttls' },
  { port: 465, security: 'tls' },
  { program: SENDMAIL },
]

/** The reply if the recipient's mailbox is full: RFC 3463, X.2.2. */
const FULL = /^\d{3}[ -]4\.2\.2 /
/** A sender of a domain that receives no mail, as its record in the DNS states (RFC 7505): a server may refuse it, and not defer it. */
const STRANGER = 'postmaster@example.com'
/** Bytes of the large mail: more than the sizes from which on some hosts scan nothing. */
const LARGE_MAIL = 300 * 1024
/** Milliseconds for a line about an accepted message: a queue may precede onescan. */
const LOG_TIMEOUT = 5_000
/** Milliseconds for a line about mail of a program, which is taken before any filter has seen it: rspamd may need seconds for each. */
const QUEUED_LOG_TIMEOUT = 20_000
/** Milliseconds for the mail server's line about its own error: it precedes the reply. */
const COMPLAINT_TIMEOUT = 1_000
/** Milliseconds after a line in which a looping message returns. */
const LOOP_TIMEOUT = 2_500
/** A message seen this number of times is in a loop. Two doors may be on one route. */
const A_LOOP = 3

/**
 * Tests each route of this host: sends a clean message and the EICAR test file, in a small and in a large
 * message, to `address`. Yields check lines about their outcome in the logs of onescan. A check line is ok only if
 * onescan itself logged the message. If the logs do not include those of onescan-queue (`readsSlots`), no
 * message is reported as not logged.
 */
export async function* checkByMail(
  address: string,
  logs: readonly LogFile[],
  {
    ways,
    readsSlots = true,
  }: { readonly ways?: readonly SendingWay[]; readonly readsSlots?: boolean },
): AsyncGenerator<CheckLine> {
  if (!isAddress(address)) {
    yield failure('--mail', `${address}: is not an address`, 'use the form user@example.org')
    return
  }
  const log = new FollowedLog(logs, OF_CHECK)
  try {
    const usable = (ways ?? (await waysOfHost())).filter(
      (way) => !('program' in way) || existsSync(way.program),
    )
    // All begin at once: one that is slow keeps no other one waiting.
    const ports = usable.flatMap((way) => ('port' in way && way.port !== 25 ? [way.port] : []))
    if (ways === undefined && isListening(25) && !listenersOfHost().some(({ port }) => port === 25))
      yield ok('port 25', 'listens at the loopback address alone: other hosts do not reach it')
    const other = ports.find((port) => !isUsual(port) || isListening(port))
    const places = logs.map(({ path }) => path).join(', ')
    const sendmail = usable.find((way) => 'program' in way)?.program ?? SENDMAIL
    const run = { address, log, places, readsSlots, other, sendmail }
    const tried = usable.map((way) => new WayTest(way, run).checkLines())
    void Promise.allSettled(tried) // one may fail before its turn
    const earlier = new Map<string, CheckLine>()
    for (const outcomes of tried)
      for (const outcome of await outcomes) yield withCause(outcome, earlier)
    for (const fault of log.faults) {
      yield warning('log', `${fault}: parts of this log were not read`, AS_ROOT)
    }
  } finally {
    log.close()
  }
}

const isUsual = (port: number) => USUAL.some((way) => 'port' in way && way.port === port)

/** The usual ways, and each other port on which others reach an SMTP server of this host. */
async function waysOfHost(): Promise<SendingWay[]> {
  const all = listenersOfHost()
  const usual = USUAL.map((way) => {
    const listener = 'port' in way ? all.find(({ port }) => port === way.port) : undefined
    return listener === undefined || listener.isEverywhere ? way : { ...way, host: listener.host }
  })
  const others = await greeting(all.filter(({ port }) => !isUsual(port)))
  return [...usual, ...others.map(({ host, port }) => ({ host, port, security: 'none' as const }))]
}

/** A message that was sent, by its names. */
type SentTestMail = SentMail & NamedMail

/** What the tests of all routes share. */
interface MailTest {
  readonly address: string
  readonly log: FollowedLog
  /** The logs that are read, as text. */
  readonly places: string
  readonly readsSlots: boolean
  /** A port, other than the usual ones, on which a server of this host accepts mail. */
  readonly other: number | undefined
  readonly sendmail: string
}

/** A check line, with the complaint of the mail server that is its cause and has its remedy. */
interface CausedLine extends CheckLine {
  readonly cause?: ServerComplaint | undefined
}

/** Returns the check line with its cause. One with a remedy that an earlier error has refers to that instead. */
function withCause({ cause, ...rest }: CausedLine, earlier: Map<string, CheckLine>): CheckLine {
  const { level, what, value, remedy = '' } = rest
  if (level !== 'error' && cause === undefined) return rest
  const first = earlier.get(cause?.text ?? remedy)
  if (first !== undefined && (cause !== undefined || first.value !== value))
    return { level, what, value: `${value}; the remedy is that for ${first.what}, above` }
  earlier.set(cause?.text ?? remedy, rest)
  return cause === undefined
    ? rest
    : { ...rest, value: `${value}; the mail server logged: ${quoted(cause.text)}` }
}

/** Returns the error with this cause, and its remedy if one is known. */
const caused = (
  what: string,
  value: string,
  cause: ServerComplaint | undefined,
  otherwise: string,
): CausedLine => ({
  ...failure(what, value, cause?.remedy ?? otherwise),
  cause,
})

/** The test of one route with the messages. */
class WayTest {
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
    const unsent = await this.#notSent(clean)
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
    if (unsent !== undefined && ofClean!.length === 0)
      return [this.#ownRule(`${this.#name}, clean mail`, clean) ?? unsent]
    const judged = await this.#judgeClean(clean, ofClean!)
    if (infected === undefined || hasMark(judged, 'local mail')) return [judged, ...others]
    const found = await this.#judgeInfected('EICAR', infected, ofInfected!)
    const tooSmall = large?.kind === 'refused' ? remedyOfSize(large.text) : undefined
    if (tooSmall !== undefined) {
      const value = `is refused for its size (${LARGE_MAIL / 1024} KB), like most mail with attachments: ${large!.text}`
      others.push(failure(`${this.#name}, large mail`, value, tooSmall))
    }
    // The large mail is reported only if its outcome differs from that of the small one.
    const gets = await this.#judgeInfected('EICAR in a large message', large!, ofLarge!)
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

  /** Returns whether bounces arrive by this route: the ports of RFC 6409 and RFC 8314 are for users. */
  #isForBounces = () => 'port' in this.#way && ![587, 465].includes(this.#way.port)

  /** Resolves to the check line about a rule that applies only to mail with a sender. */
  async #deferralOfSender(): Promise<CausedLine[]> {
    const { address } = this.#run
    if (!('port' in this.#way) || this.#way.security !== 'none' || this.#sender !== '') return []
    const { host = '127.0.0.1', port } = this.#way
    const text = await deferralOfSender({ host, port }, STRANGER, address)
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
    const isClients = kind === 'accepted' && isInfectedForClient(decisive(seen))
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

  /** Resolves to a check line if the mail was not sent, so that the route cannot be judged. */
  async #notSent({ kind, text, command }: SentMail): Promise<CausedLine | undefined> {
    const what = this.#name
    switch (kind) {
      case 'accepted':
        return undefined
      case 'nothing listens':
        if (what !== 'port 25') return ok(what, `no server answers there: ${text}`)
        if (this.#run.other === undefined)
          return caused(
            what,
            `no server answers: ${text}`,
            this.#run.log.complaint,
            'start the mail server, and read its log if it stops again; if it runs, make it listen on port 25',
          )
        return warning(
          what,
          `no server answers there, although port ${this.#run.other} answers: ${text}`,
          'if other hosts send mail to this host, make the mail server listen on port 25, too',
        )
      case 'requires authentication':
      case 'requires TLS': {
        const value = `${kind}, so mail through this port was not tested: ${text}`
        return warning(what, value, await this.#howToTest(kind))
      }
      case 'refused': {
        // A refused connection (RFC 5321 3.1) is refused for every recipient.
        if (command === 'DATA' || command === 'CONN') break
        const value = `accepts no mail for ${this.#run.address} from this host: ${text}`
        return warning(
          what,
          value,
          `${whereAddressed(text, this.#run.address)}specify ${OTHER_ADDRESS}`,
        )
      }
      case 'deferred':
        if (FULL.test(text)) return this.#mailboxIsFull(text)
    }
    const value = `is not accepted, and no log has a line from onescan about it: ${text}`
    const cause = await this.#run.log.waitForComplaint(COMPLAINT_TIMEOUT)
    const otherwise = remedyOfReply(text) ?? "run onescan check, and read the mail server's log"
    return caused(`${what}, clean mail`, value, cause, otherwise)
  }

  #mailboxIsFull(text: string): CheckLine {
    const { address } = this.#run
    const value = `accepts no mail for ${address}, whose mailbox is full: ${text}`
    const remedy = `free space in that mailbox (onescan quota ${shellWord(address)}), or specify another address`
    return warning(this.#name, value, remedy)
  }

  /** Resolves to the command that tests this port with TLS, and with a login if it requires one. */
  async #howToTest(requires: 'requires authentication' | 'requires TLS'): Promise<string> {
    // The certificate is for the name of the mail server, which other ports than those of TLS greet with.
    const { host = '127.0.0.1' } = 'port' in this.#way ? this.#way : {}
    const name = await greetedBy({ host, port: 25 })
    const server = `${isHostName(name) ? name : hostname()}${this.#name.replace('port ', ':')}`
    const login = requires === 'requires TLS' ? '' : ' --smtp-user USER --password-file FILE'
    return `onescan check --mail ${shellWord(this.#run.address)} --smtp ${server} --tls${login}`
  }

  #mayArrive(subject: string): string {
    return `${this.#run.address} may get this mail (Subject: ${subject})`
  }

  /** Returns a check line if a rule of the mail server handled the message before onescan could see it. */
  #ownRule(what: string, { id, kind, subject }: SentTestMail): CheckLine | undefined {
    const rule = this.#run.log.ownRuleFor(id, subject, this.#run.address, 'port' in this.#way)
    if (rule === undefined) return undefined
    const value = `is ${kind} by a rule of the mail server, so it is unknown whether onescan scans such mail: ${quoted(rule)}`
    const exempt =
      'specify another address, or exempt test mail from header_checks, body_checks or the access map'
    const remedy = this.#run.log.hasProxy
      ? `let the service that takes mail back from onescan accept mail of 127.0.0.1 for each recipient, or ${exempt}`
      : exempt
    return warning(what, value, remedy)
  }

  /** Resolves to a check line about a message that waits in the queue for its first delivery: a filter may be after the queue. */
  async #untried(what: string, { id, kind }: SentTestMail): Promise<CausedLine | undefined> {
    if (kind !== 'accepted' || !this.#run.log.isUntried(id)) return undefined
    const length = await queueLength(this.#run.sendmail)
    const count = length === undefined ? '' : ` (messages there: ${length})`
    const value = `is accepted, and still in the queue of the mail server${count}: its outcome is not known yet`
    const cause = this.#run.log.complaint
    if (cause !== undefined) {
      const level = cause.isEnd ? failure : warning
      return { ...level(what, value, cause.remedy), cause }
    }
    const remedy =
      "run this check again when mailq lists fewer messages; if their number does not fall, read the mail server's log"
    return warning(what, value, remedy)
  }

  async #notLogged(what: string, sent: SentTestMail, isInfected = false): Promise<CausedLine> {
    const delivery = this.#run.log.deliveryOf(sent.id)
    if (delivery !== undefined && MILTER_REFUSAL.test(delivery.text))
      return this.#refusedBefore(
        what,
        { ...sent, kind: 'refused', text: delivery.text },
        isInfected,
      )
    const report = quoted(delivery?.text ?? '')
    if (delivery?.waits) return this.#waits(what, `is ${sent.kind}`, sent, delivery.text)
    const after = delivery === undefined ? '' : `, and the mail server reports: ${report}`
    return (
      this.#ownRule(what, sent) ??
      (await this.#untried(what, sent)) ??
      this.#askedInParts(what, sent, isInfected) ??
      this.#notRouted(what, sent, after)
    )
  }

  /** Returns the check line about a message that the mail server cannot deliver or pass on to a filter for now. */
  #waits(what: string, state: string, { subject }: SentTestMail, reason: string): CheckLine {
    const value = `${state}, and waits in the queue of the mail server (Subject: ${subject}): ${quoted(reason)}`
    const isOfPostfix = reason.startsWith('status=')
    const cause = isOfPostfix
      ? ', or the content_filter, transport or FILTER that sends mail there'
      : ''
    const remedy = remedyOfDelay(reason) ?? `fix the error that it reports${cause}`
    // Mail in the queue keeps the filter that Postfix had for it.
    const again = /content_filter/.test(remedy) ? 'postsuper -r ALL' : 'sendmail -q'
    return failure(what, value, `${remedy}, then run ${again}`)
  }

  /** Resolves to the check line about a scanned message that the mail server then holds, or cannot pass on. */
  async #stays(what: string, scanned: string, sent: SentTestMail): Promise<CausedLine | undefined> {
    const { log, address } = this.#run
    await log.waitForOutcome(sent.id, LOG_TIMEOUT)
    const delivery = log.deliveryOf(sent.id)
    if (delivery?.waits) return this.#waits(what, scanned, sent, delivery.text)
    const own = log.ownRuleFor(sent.id, sent.subject, address, 'port' in this.#way)
    if (own?.startsWith('discard: ')) {
      const value = `${scanned}, and then discarded by a rule of the mail server: ${quoted(own)}`
      return failure(what, value, DISCARDS)
    }
    const rule = delivery === undefined ? log.holdOf(sent.id, address) : undefined
    // A program that delivers has ended, and is started again after a minute.
    if (rule === undefined) return log.complaint?.isEnd ? this.#untried(what, sent) : undefined
    const value = `${scanned}, and held in the queue of Postfix (Subject: ${sent.subject}): ${quoted(rule)}`
    const remedy =
      'remove HOLD from header_checks, body_checks, the access map or that milter unless you release such mail yourself; postsuper -H ALL releases what is held'
    return warning(what, value, remedy)
  }

  async #notRouted(
    what: string,
    { id, kind, text, subject }: SentTestMail,
    after: string,
  ): Promise<CausedLine> {
    const arrives = this.#mayArrive(subject)
    if (!this.#run.readsSlots) {
      const value = `is ${kind}, but it is unknown whether onescan scanned it, since the log of qmail's SMTP service was not read: ${text}${after}; ${arrives}`
      return warning(what, value, "specify the log of qmail's SMTP service with --log")
    }
    const [unread] = this.#run.log.faults
    if (unread !== undefined) {
      const value = `is ${kind}, but it is unknown whether onescan scanned it, since a log was not read to its end (${unread}): ${text}${after}`
      return warning(what, value, 'make this log readable, or specify another log with --log')
    }
    const toScanLocal = this.#howToScanLocalMail()
    if (toScanLocal !== undefined) {
      const value = `is ${kind}, but not scanned, like all mail of local programs; ${arrives}`
      return marked(warning(what, value, toScanLocal), 'local mail')
    }
    if ('program' in this.#way && !isQmails(this.#way.program) && !this.#run.log.isNumbered(id)) {
      const value = `is ${kind}, but no log has a line about it, from onescan or the mail server, which may keep it until onescan answers (logs read: ${this.#run.places}); ${arrives}`
      const remedy =
        "run onescan check; if that finds no problems, specify the mail server's log with --log"
      return caused(what, value, this.#run.log.complaint, remedy)
    }
    const where = this.#run.places === '' ? 'no log was found' : `logs read: ${this.#run.places}`
    const unseen = `is ${kind}, but no log has a line from onescan about it: ${text}${after}`
    const cause = await this.#run.log.waitForComplaint(COMPLAINT_TIMEOUT)
    if (cause?.defers !== undefined) {
      const accepts = `${unseen}, since the mail server accepts mail when a filter fails; ${arrives}`
      const remedy = `${cause.remedy}; and let the server defer mail meanwhile: ${cause.defers}`
      return { ...failure(what, accepts, remedy), cause }
    }
    const remedy = `${this.#howToConnect(text)}, or specify the log with --log if onescan logs elsewhere`
    return failure(what, `${unseen} (${where}); ${arrives}`, remedy)
  }

  /** Returns how the server that accepted the mail with this reply comes to use onescan. */
  #howToConnect(reply: string): string {
    const [only, other] = findMailServers(existsSync)
    const server = this.#serverThatTook(reply) ?? (other === undefined ? only : undefined)
    if (server === 'Exim' && 'program' in this.#way)
      return `${SCANS_LOCAL_MAIL}, or without av_scanner run the script of doc/exim.md (again)`
    return server === undefined
      ? `${HOW_TO_CONNECT.Postfix}, if this is Postfix`
      : HOW_TO_CONNECT[server]
  }

  /** Returns the server whose reply or program this is, if that shows it. */
  #serverThatTook(reply: string): MailServer | undefined {
    if (this.#isOfQmail(reply)) return 'qmail'
    const isExim = 'program' in this.#way ? isExims(this.#way.program) : / OK id=\S+$/.test(reply)
    if (isExim) return 'Exim'
    if (/ Ok: queued as \S+$/.test(reply)) return 'Postfix'
    return / Message accepted for delivery$/.test(reply) ? 'Sendmail' : undefined
  }

  /** Returns the remedy if this is mail of a local program, which is not scanned in the way in which the host uses onescan. */
  #howToScanLocalMail(): string | undefined {
    if (!('program' in this.#way)) return undefined
    const { log } = this.#run
    const hasClamd = log.hasSeen('clamd') || log.complaint?.defers !== undefined
    if (isExims(this.#way.program) && hasClamd) return SCANS_LOCAL_MAIL
    if (log.hasProxy && !log.hasSeen('milter'))
      return 'connect Postfix to onescan as a milter instead of a proxy, as doc/postfix.md shows, to scan mail of local programs'
    return undefined
  }

  /** Returns whether qmail took the mail: its replies to content end with the number of qmail-queue's process. */
  #isOfQmail(reply: string): boolean {
    return 'program' in this.#way ? isQmails(this.#way.program) : / qp \d+$/.test(reply)
  }

  /**
   * Returns a check line about a client of clamd that submits parts of a message, as rspamd may and amavis does.
   * Such a client does not name the mail, so only the time shows whether this was the mail and, for the
   * infected one, the virus. If one has submitted a message as well, it submits all of its messages, and the parts are theirs.
   */
  #askedInParts(
    what: string,
    { kind, text }: SentTestMail,
    isInfected = false,
  ): CheckLine | undefined {
    const parts = this.#run.log.hasSeen('clamd') ? [] : this.#run.log.partRecords
    const virus = parts.map(({ fields }) => fields.get('virus') ?? '').find(isTestFile)
    if (isInfected ? virus === undefined : parts.length === 0) return undefined
    const asked = "the filter submitted only parts of the message to onescand's clamd interface"
    if (isInfected && kind === 'refused')
      return ok(what, `is refused: ${text} (as clamd, onescand found ${virus} in a part)`)
    const value = isInfected ? `${asked}, which found ${virus}` : asked
    return warning(what, `is ${kind}, but ${value}`, WHOLE_MAIL)
  }

  /** Returns the check line about a message that another filter refused, in SMTP or after it, as logged. */
  #refusedBefore(what: string, sent: SentTestMail, isInfected: boolean): CheckLine {
    const value = `is ${sent.kind} by another filter before onescan saw it: ${sent.text.slice(0, RULE_SHOWN)}`
    const remedy =
      "switch off the other filter's virus scan (rspamd: doc/rspamd.md; clamav-milter: doc/coming-from.md), or exempt test mail from that filter, and run this check again"
    return this.#askedInParts(what, sent, isInfected) ?? warning(what, value, remedy)
  }

  async #judgeClean(sent: SentTestMail, seen: readonly LogRecord[]): Promise<CausedLine> {
    const what = `${this.#name}, clean mail`
    const record = decisive(seen)
    if (record === undefined) return this.#notLogged(what, sent)
    // A deferred message is sent again, and is not in a loop.
    const passed = seen.filter(({ fields: other }) => other.get('decision') !== 'defer')
    if (passed.length >= A_LOOP) {
      const value = `arrived at onescan ${passed.length} times: this is a mail loop, in which mail is lost`
      const remedy =
        'remove onescan from the service that takes mail back from it: doc/other-servers.md, Between two servers'
      return failure(what, value, remedy)
    }
    const { fields } = record
    const [decision, scan] = [fields.get('decision'), fields.get('scan')]
    const reason = fields.get('reason') ?? fields.get('fault') ?? scan ?? ''
    const named = fields.get('virus') ?? fields.get('banned')
    if (named !== undefined)
      return failure(
        what,
        `is reported as infected: ${named}`,
        'remove the scanner or signature that reports this',
      )
    if (decision === 'defer') return this.#deferred(what, sent, record, reason)
    const see = placeOfDecision(record)
    if (decision !== 'accept')
      return failure(what, `is accepted unscanned (${decision}): ${reason}`, see)
    if (scan === 'clean' || scan === 'cached') {
      const scanned = `is scanned ${doorOf(record)}`
      if (sent.kind !== 'accepted') {
        const value = `${scanned}, and the server does not accept it: ${sent.text}`
        const cause = await this.#run.log.waitForComplaint(COMPLAINT_TIMEOUT)
        return caused(what, value, cause, remedyOfReply(sent.text) ?? "read the mail server's log")
      }
      const refusal = refusalOfNext(record)
      if (refusal === undefined)
        return (await this.#stays(what, scanned, sent)) ?? ok(what, `${scanned}, and accepted`)
      const value = `${scanned}, but the next server does not accept it: ${refusal}`
      const cause = await this.#run.log.waitForComplaint(COMPLAINT_TIMEOUT)
      const otherwise = remedyOfReply(refusal) ?? "read the log of the server in onescand's --next"
      return caused(what, value, cause, otherwise)
    }
    return failure(what, `is accepted unscanned (${scan}): ${reason}`, see)
  }

  /** Resolves to the check line about a message that onescan could not scan. A client of the clamd door may have accepted it. */
  async #deferred(
    what: string,
    sent: SentTestMail,
    { fields }: LogRecord,
    reason: string,
  ): Promise<CheckLine> {
    const deferred = failure(what, `is deferred by onescan: ${reason}`, SEE)
    if (fields.get('interface') !== 'clamd' || sent.kind !== 'accepted') return deferred
    const { log } = this.#run
    await log.waitForDelivery(sent.id, LOG_TIMEOUT)
    if (log.isUntried(sent.id) || log.deliveryOf(sent.id)?.waits) return deferred
    const value = `is accepted, although onescan could not scan it: ${reason}; ${this.#mayArrive(sent.subject)}`
    return failure(what, value, CLIENT_ACCEPTS)
  }

  /** Returns the check line about an infected mail that a client of the clamd door asked about: it decides. */
  #judgeClient(what: string, sent: SentTestMail, by: string): CheckLine {
    const { id, kind, text, subject } = sent
    if (kind === 'refused') return ok(what, `is found ${by}, and refused: ${text}`)
    if (kind === 'deferred') {
      const value = `is found ${by}, but the server only defers it, so it will be sent again: ${text}`
      return failure(
        what,
        value,
        'make the clamd client refuse infected mail with 5xx: doc/clamd-clients.md',
      )
    }
    const outcome = this.#run.log.deliveryOf(id)
    if (outcome?.waits) return this.#waits(what, `is found ${by}`, sent, outcome.text)
    const delivery = outcome?.text ?? ''
    const report = quoted(delivery)
    // A program on this host gets the bounce itself.
    if (KEPT_OUT.test(delivery) || ('program' in this.#way && BOUNCED.test(delivery)))
      return ok(what, `is found ${by}, and the mail server reports: ${report}`)
    const value = `is found ${by}, and ${kind}: ${this.#mayArrive(subject)}`
    const remedy = 'make the clamd client refuse infected mail: doc/clamd-clients.md'
    return warning(what, value, remedy)
  }

  async #judgeInfected(
    mail: string,
    sent: SentTestMail,
    seen: readonly LogRecord[],
  ): Promise<CausedLine> {
    const what = `${this.#name}, ${mail}`
    const record = decisive(seen)
    if (record === undefined) {
      return sent.kind === 'accepted'
        ? this.#notLogged(what, sent, true)
        : this.#refusedBefore(what, sent, true)
    }
    const { fields } = record
    const decision = fields.get('decision')
    const found = fields.get('virus')
    const reason = fields.get('reason') ?? fields.get('fault') ?? fields.get('scan') ?? ''
    if (decision === 'defer') return this.#deferred(what, sent, record, reason)
    if (found === undefined && decision !== 'reject') {
      const result = fields.get('scan') ?? decision ?? ''
      const value = `is accepted: onescan reports it as ${result}${reason === result ? '' : ` (${reason})`}`
      return failure(what, value, placeOfDecision(record))
    }
    const by = `${doorOf(record)}: ${found ?? reason}`
    if (fields.get('interface') === 'clamd')
      return (await this.#untried(what, sent)) ?? this.#judgeClient(what, sent, by)
    switch (decision) {
      case 'reject': {
        if (sent.kind === 'deferred') {
          const value = `is refused ${by}, but the server only defers it, so it will be sent again: ${sent.text}`
          return failure(
            what,
            value,
            "with Postfix, run postconf -e 'soft_bounce = no' && postfix reload; with qmail, set ERROR_FD as doc/qmail.md shows",
          )
        }
        // A milter refuses a program's mail, too, and the program gets the bounce.
        const isByQueue = /^[sl]mtp$/.test(fields.get('interface') ?? '')
        const isBehind = sent.kind === 'accepted' && ('port' in this.#way || isByQueue)
        if (!isBehind) return ok(what, `is refused ${by}`)
        const value = `is refused ${by}, after the server accepted it: it bounces to its sender, whose address may be forged`
        return failure(what, value, ADD_AFTER_QUEUE)
      }
      case 'quarantine':
        return ok(what, `is quarantined ${by}`)
      case 'discard':
        return ok(what, `is dropped ${by}`)
    }
    const tag = `${this.#run.address} gets it, with "X-QHPSI: virus found" unless FINDINGS accepts it (Subject: ${sent.subject})`
    return ok(what, `is found ${by}; ${tag}`)
  }
}

const OTHER_ADDRESS =
  'an address whose mail this server accepts, or exempt this host from its rules for clients'

/** Returns what to do about the refusal of an address that is of this host. */
function whereAddressed(text: string, address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  if (/\brelay/i.test(text))
    return `if this host should take mail for ${domain}, add that to mydestination or virtual_mailbox_domains (Postfix), /etc/mail/local-host-names (Sendmail), dc_other_hostnames (Exim on Debian) or control/rcpthosts (qmail); if not, `
  return /\b5\.1\.1\b|\bunknown\b|\bunrout/i.test(text)
    ? `if ${address} should exist, create that user or alias on this host; if not, `
    : ''
}

/** Returns the warning about a server that refuses the empty sender (RFC 5321 4.5.5), and accepts mail from another one. */
function refusesBounces(way: string, { text }: SentMail): CausedLine {
  const value = `is refused, so that bounces do not arrive here: ${text}`
  const remedy =
    'exempt the empty sender (<>) from the rule that this reply names: in Postfix, of smtpd_sender_restrictions or check_sender_access'
  return warning(`${way}, empty sender`, value, remedy)
}

const isHostName = (name: string | undefined): name is string =>
  name !== undefined && /^[\w-]+(?:\.[\w-]+)+$/.test(name)

const largeEicar = largeEicarMessage(LARGE_MAIL).gather()

/** Upper limit for the characters shown of a line of the mail server. */
const RULE_SHOWN = 200

/** The beginning of a line of the mail server, in quotation marks. */
const quoted = (line: string) => JSON.stringify(line.slice(0, RULE_SHOWN))

/** Returns whether a client of the clamd door asked about the message, and something was found. */
const isInfectedForClient = (record: LogRecord | undefined): boolean =>
  record?.fields.get('interface') === 'clamd' && record.fields.has('virus')

/** The words of amavis and others about mail that they do not deliver, as the mail server logs them. */
const KEPT_OUT = /\bdiscarded\b|\brejected\b|\bquarantined?\b|\bINFECTED\b/i

/** The outcome of mail that bounces, in the log of Postfix and of Exim. */
const BOUNCED = /^(?:status=bounced\b|milter-reject: |\*\*)/

/** Returns the reply of the next server, or the one that the client got, unless it is 2xx. */
function refusalOfNext({ fields }: LogRecord): string | undefined {
  const reply = fields.get('reply')
  if (reply === undefined || reply.startsWith('2')) return undefined
  return fields.get('next') ?? reply
}

const isTestFile = (virus: string) => /eicar/i.test(virus)

const WHOLE_MAIL =
  'configure the filter to pass the whole message to onescan as doc/clamd-clients.md shows'

const SEE =
  'run onescan check, which prints the remedy for most causes; for others see doc/deferred.md'

const CLIENT_ACCEPTS =
  'make the clamd client defer mail that its scanner cannot scan (in Exim, remove /defer_ok from "malware"), and run onescan check for the cause'

const UNSCANNED = 'run onescan check; doc/missed.md lists the settings that accept mail unscanned'

const ADD_AFTER_QUEUE = inSettingsOf(
  { isDaemon: true },
  'add --after-queue to --smtp in ONESCAND_OPTIONS',
)

/** Returns the decisive line: a virus, if one of several doors found it. */
const decisive = (seen: readonly LogRecord[]) =>
  seen.find(({ fields }) => fields.has('virus') || fields.has('banned')) ?? seen.at(-1)

/** Returns where the message was allowed to pass: the matching line of onescan.policy, if any. */
function placeOfDecision({ fields }: LogRecord): string {
  const rule = fields.get('rule')
  return rule === undefined || rule === '-'
    ? UNSCANNED
    : `remove line ${rule} of the policy file if this mail should be scanned`
}

/** `by the milter`, as the log has it. */
const doorOf = ({ fields }: LogRecord) => `by the ${fields.get('interface') ?? 'qmail'} interface`
