import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { isQmails } from '../../../protocol/smtp/sendmail-program.ts'
import { remedyOfDelay } from './complaints.ts'
import { howToConnect, howToScanLocalMail } from './connect-server.ts'
import { MILTER_REFUSAL } from './followed-log.ts'
import { queueLength } from './mail-queue.ts'
import {
  type CausedLine,
  caused,
  complaintAfter,
  mayArrive,
  quoted,
  RULE_SHOWN,
  type TestedMail,
} from './tested-way.ts'

/** A message that a mail server took, and about which onescan has logged nothing: another rule, a queue or a missing connection is why. */

/** Resolves to the check line about such a message. */
export async function judgeUnlogged(mail: TestedMail): Promise<CausedLine> {
  const { run, sent } = mail
  const delivery = run.log.deliveryOf(sent.id)
  if (delivery !== undefined && MILTER_REFUSAL.test(delivery.text))
    return refusedBefore({ ...mail, sent: { ...sent, kind: 'refused', text: delivery.text } })
  if (delivery?.waits) return waitsInQueue(mail, `is ${sent.kind}`, delivery.text)
  const report = quoted(delivery?.text ?? '')
  const after = delivery === undefined ? '' : `, and the mail server reports: ${report}`
  return (
    handledByRule(mail) ?? (await untried(mail)) ?? askedInParts(mail) ?? notConnected(mail, after)
  )
}

/** Returns a check line if a rule of the mail server handled the message before onescan could see it. */
export function handledByRule({ way, run, what, sent }: TestedMail): CheckLine | undefined {
  const rule = run.log.ownRuleFor(sent.id, sent.subject, run.address, 'port' in way)
  if (rule === undefined) return undefined
  const value = `is ${sent.kind} by a rule of the mail server, so it is unknown whether onescan scans such mail: ${quoted(rule)}`
  const exempt =
    'specify another address, or exempt test mail from header_checks, body_checks or the access map'
  const remedy = run.log.hasProxy
    ? `let the service that takes mail back from onescan accept mail of 127.0.0.1 for each recipient, or ${exempt}`
    : exempt
  return warning(what, value, remedy)
}

/** Resolves to a check line about a message that waits in the queue for its first delivery: a filter may be after the queue. */
export async function untried({ run, what, sent }: TestedMail): Promise<CausedLine | undefined> {
  if (sent.kind !== 'accepted' || !run.log.isUntried(sent.id)) return undefined
  const length = await queueLength(run.sendmail)
  const count = length === undefined ? '' : ` (messages there: ${length})`
  const value = `is accepted, and still in the queue of the mail server${count}: its outcome is not known yet`
  const cause = run.log.complaint
  if (cause !== undefined) {
    const level = cause.isEnd ? failure : warning
    return { ...level(what, value, cause.remedy), cause }
  }
  const remedy =
    "run this check again when mailq lists fewer messages; if their number does not fall, read the mail server's log"
  return warning(what, value, remedy)
}

/** Returns the check line about a message that the mail server cannot deliver or pass on to a filter for now. */
export function waitsInQueue({ what, sent }: TestedMail, state: string, reason: string): CheckLine {
  const value = `${state}, and waits in the queue of the mail server (Subject: ${sent.subject}): ${quoted(reason)}`
  const isOfPostfix = reason.startsWith('status=')
  const cause = isOfPostfix
    ? ', or the content_filter, transport or FILTER that sends mail there'
    : ''
  const remedy = remedyOfDelay(reason) ?? `fix the error that it reports${cause}`
  // Mail in the queue keeps the filter that Postfix had for it.
  const again = /content_filter/.test(remedy) ? 'postsuper -r ALL' : 'sendmail -q'
  return failure(what, value, `${remedy}, then run ${again}`)
}

/**
 * Returns a check line about a client of clamd that submits parts of a message, as rspamd may and amavis does.
 * Such a client does not name the mail, so only the time shows whether this was the mail and, for the
 * infected one, the virus. If one has submitted a message as well, it submits all of its messages, and the parts are theirs.
 */
function askedInParts({ run, what, isInfected, sent }: TestedMail): CheckLine | undefined {
  const parts = run.log.hasSeen('clamd') ? [] : run.log.partRecords
  const virus = parts.map(({ fields }) => fields.get('virus') ?? '').find(isTestFile)
  if (isInfected ? virus === undefined : parts.length === 0) return undefined
  const asked = "the filter submitted only parts of the message to onescand's clamd interface"
  if (isInfected && sent.kind === 'refused')
    return ok(what, `is refused: ${sent.text} (as clamd, onescand found ${virus} in a part)`)
  const value = isInfected ? `${asked}, which found ${virus}` : asked
  return warning(what, `is ${sent.kind}, but ${value}`, WHOLE_MAIL)
}

const isTestFile = (virus: string) => /eicar/i.test(virus)

const WHOLE_MAIL =
  'configure the filter to pass the whole message to onescan as doc/clamd-clients.md shows'

/** Returns the check line about a message that another filter refused, in SMTP or after it, as logged. */
export function refusedBefore(mail: TestedMail): CheckLine {
  const { what, sent } = mail
  const value = `is ${sent.kind} by another filter before onescan saw it: ${sent.text.slice(0, RULE_SHOWN)}`
  const remedy =
    "switch off the other filter's virus scan (rspamd: doc/rspamd.md; clamav-milter: doc/coming-from.md), or exempt test mail from that filter, and run this check again"
  return askedInParts(mail) ?? warning(what, value, remedy)
}

/** Resolves to the check line about a message that nothing has passed to onescan, as far as logs show. */
async function notConnected(mail: TestedMail, after: string): Promise<CausedLine> {
  const { way, run, what } = mail
  const { log, places } = run
  const { id, kind, text } = mail.sent
  const arrives = mayArrive(mail)
  if (!run.readsSlots) {
    const value = `is ${kind}, but it is unknown whether onescan scanned it, since the log of qmail's SMTP service was not read: ${text}${after}; ${arrives}`
    return warning(what, value, "specify the log of qmail's SMTP service with --log")
  }
  const [unread] = log.faults
  if (unread !== undefined) {
    const value = `is ${kind}, but it is unknown whether onescan scanned it, since a log was not read to its end (${unread}): ${text}${after}`
    return warning(what, value, 'make this log readable, or specify another log with --log')
  }
  const toScanLocal = howToScanLocalMail(mail)
  if (toScanLocal !== undefined) {
    const value = `is ${kind}, but not scanned, like all mail of local programs; ${arrives}`
    return marked(warning(what, value, toScanLocal), 'local mail')
  }
  if ('program' in way && !isQmails(way.program) && !log.isNumbered(id)) {
    const value = `is ${kind}, but no log has a line about it, from onescan or the mail server, which may keep it until onescan answers (logs read: ${places}); ${arrives}`
    const remedy =
      "run onescan check; if that finds no problems, specify the mail server's log with --log"
    return caused(what, value, log.complaint, remedy)
  }
  const where = places === '' ? 'no log was found' : `logs read: ${places}`
  const unseen = `is ${kind}, but no log has a line from onescan about it: ${text}${after}`
  const cause = await complaintAfter(run)
  if (cause?.defers !== undefined) {
    const accepts = `${unseen}, since the mail server accepts mail when a filter fails; ${arrives}`
    const remedy = `${cause.remedy}; and let the server defer mail meanwhile: ${cause.defers}`
    return { ...failure(what, accepts, remedy), cause }
  }
  const remedy = `${howToConnect(mail)}, or specify the log with --log if onescan logs elsewhere`
  return failure(what, `${unseen} (${where}); ${arrives}`, remedy)
}
