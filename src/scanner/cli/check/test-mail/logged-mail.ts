import { type CheckLine, failure, ok, warning } from '../../../../base/check/check-line.ts'
import type { LogRecord } from '../../../log/parsed-line.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { remedyOfReply } from './complaints.ts'
import {
  type CausedLine,
  caused,
  complaintAfter,
  LOG_TIMEOUT,
  mayArrive,
  quoted,
  type TestedMail,
} from './tested-way.ts'
import { judgeUnlogged, refusedBefore, untried, waitsInQueue } from './unlogged-mail.ts'

/** What onescan's logs have about a message, and what the mail server then did. */

/** A message seen this number of times is in a loop. Two doors may be on one way. */
export const A_LOOP = 3

/** Resolves to the check line about a clean message with these lines of the log. */
export async function judgeCleanMail(
  mail: TestedMail,
  seen: readonly LogRecord[],
): Promise<CausedLine> {
  const { what } = mail
  const record = decisive(seen)
  if (record === undefined) return judgeUnlogged(mail)
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
  if (named !== undefined) {
    const remedy = 'remove the scanner or signature that reports this'
    return failure(what, `is reported as infected: ${named}`, remedy)
  }
  if (decision === 'defer') return deferred(mail, record, reason)
  if (decision === 'accept' && (scan === 'clean' || scan === 'cached'))
    return afterScan(mail, record)
  const outcome = decision === 'accept' ? scan : decision
  const value = `is accepted unscanned (${outcome}): ${reason}`
  return failure(what, value, placeOfDecision(record))
}

/** Resolves to the check line about a clean message that was scanned: the mail server, or the next one, decides about it after that. */
async function afterScan(mail: TestedMail, record: LogRecord): Promise<CausedLine> {
  const { run, what, sent } = mail
  const scanned = `is scanned ${doorOf(record)}`
  if (sent.kind !== 'accepted') {
    const value = `${scanned}, and the server does not accept it: ${sent.text}`
    const otherwise = remedyOfReply(sent.text) ?? "read the mail server's log"
    return caused(what, value, await complaintAfter(run), otherwise)
  }
  const refusal = refusalOfNext(record)
  if (refusal === undefined)
    return (await stays(mail, scanned)) ?? ok(what, `${scanned}, and accepted`)
  const value = `${scanned}, but the next server does not accept it: ${refusal}`
  const otherwise = remedyOfReply(refusal) ?? "read the log of the server in onescand's --next"
  return caused(what, value, await complaintAfter(run), otherwise)
}

const DISCARDS =
  'remove DISCARD from header_checks, body_checks or the access map, then run postfix reload'

/** Resolves to the check line about a scanned message that the mail server then holds, or cannot pass on. */
async function stays(mail: TestedMail, scanned: string): Promise<CausedLine | undefined> {
  const { way, run, what, sent } = mail
  const { log, address } = run
  await log.waitForOutcome(sent.id, LOG_TIMEOUT)
  const delivery = log.deliveryOf(sent.id)
  if (delivery?.waits) return waitsInQueue(mail, scanned, delivery.text)
  const own = log.ownRuleFor(sent.id, sent.subject, address, 'port' in way)
  if (own?.startsWith('discard: ')) {
    const value = `${scanned}, and then discarded by a rule of the mail server: ${quoted(own)}`
    return failure(what, value, DISCARDS)
  }
  const rule = delivery === undefined ? log.holdOf(sent.id, address) : undefined
  // A program that delivers has ended, and is started again after a minute.
  if (rule === undefined) return log.complaint?.isEnd ? untried(mail) : undefined
  const value = `${scanned}, and held in the queue of Postfix (Subject: ${sent.subject}): ${quoted(rule)}`
  const remedy =
    'remove HOLD from header_checks, body_checks, the access map or that milter unless you release such mail yourself; postsuper -H ALL releases what is held'
  return warning(what, value, remedy)
}

const SEE =
  'run onescan check, which prints the remedy for most causes; for others see doc/deferred.md'

const CLIENT_ACCEPTS =
  'make the clamd client defer mail that its scanner cannot scan (in Exim, remove /defer_ok from "malware"), and run onescan check for the cause'

/** Resolves to the check line about a message that onescan could not scan. A client of the clamd door may have accepted it. */
async function deferred(
  mail: TestedMail,
  { fields }: LogRecord,
  reason: string,
): Promise<CheckLine> {
  const { what, sent } = mail
  const line = failure(what, `is deferred by onescan: ${reason}`, SEE)
  if (fields.get('interface') !== 'clamd' || sent.kind !== 'accepted') return line
  const { log } = mail.run
  await log.waitForDelivery(sent.id, LOG_TIMEOUT)
  if (log.isUntried(sent.id) || log.deliveryOf(sent.id)?.waits) return line
  const value = `is accepted, although onescan could not scan it: ${reason}; ${mayArrive(mail)}`
  return failure(what, value, CLIENT_ACCEPTS)
}

const ADD_AFTER_QUEUE = inSettingsOf(
  { isDaemon: true },
  'add --after-queue to --smtp in ONESCAND_OPTIONS',
)

/** Resolves to the check line about an infected message with these lines of the log. */
export async function judgeInfectedMail(
  mail: TestedMail,
  seen: readonly LogRecord[],
): Promise<CausedLine> {
  const { way, run, what, sent } = mail
  const record = decisive(seen)
  if (record === undefined)
    return sent.kind === 'accepted' ? judgeUnlogged(mail) : refusedBefore(mail)
  const { fields } = record
  const decision = fields.get('decision')
  const found = fields.get('virus')
  const reason = fields.get('reason') ?? fields.get('fault') ?? fields.get('scan') ?? ''
  if (decision === 'defer') return deferred(mail, record, reason)
  if (found === undefined && decision !== 'reject') {
    const result = fields.get('scan') ?? decision ?? ''
    const value = `is accepted: onescan reports it as ${result}${reason === result ? '' : ` (${reason})`}`
    return failure(what, value, placeOfDecision(record))
  }
  const by = `${doorOf(record)}: ${found ?? reason}`
  if (fields.get('interface') === 'clamd') return (await untried(mail)) ?? judgeClient(mail, by)
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
      const isBehind = sent.kind === 'accepted' && ('port' in way || isByQueue)
      if (!isBehind) return ok(what, `is refused ${by}`)
      const value = `is refused ${by}, after the server accepted it: it bounces to its sender, whose address may be forged`
      return failure(what, value, ADD_AFTER_QUEUE)
    }
    case 'quarantine':
      return ok(what, `is quarantined ${by}`)
    case 'discard':
      return ok(what, `is dropped ${by}`)
  }
  const tag = `${run.address} gets it, with "X-QHPSI: virus found" unless FINDINGS accepts it (Subject: ${sent.subject})`
  return ok(what, `is found ${by}; ${tag}`)
}

/** The words of amavis and others about mail that they do not deliver, as the mail server logs them. */
const KEPT_OUT = /\bdiscarded\b|\brejected\b|\bquarantined?\b|\bINFECTED\b/i

/** The outcome of mail that bounces, in the log of Postfix and of Exim. */
const BOUNCED = /^(?:status=bounced\b|milter-reject: |\*\*)/

/** Returns the check line about an infected mail that a client of the clamd door asked about: it decides. */
function judgeClient(mail: TestedMail, by: string): CheckLine {
  const { way, run, what } = mail
  const { id, kind, text } = mail.sent
  if (kind === 'refused') return ok(what, `is found ${by}, and refused: ${text}`)
  if (kind === 'deferred') {
    const value = `is found ${by}, but the server only defers it, so it will be sent again: ${text}`
    const remedy = 'make the clamd client refuse infected mail with 5xx: doc/clamd-clients.md'
    return failure(what, value, remedy)
  }
  const outcome = run.log.deliveryOf(id)
  if (outcome?.waits) return waitsInQueue(mail, `is found ${by}`, outcome.text)
  const delivery = outcome?.text ?? ''
  // A program on this host gets the bounce itself.
  if (KEPT_OUT.test(delivery) || ('program' in way && BOUNCED.test(delivery)))
    return ok(what, `is found ${by}, and the mail server reports: ${quoted(delivery)}`)
  const value = `is found ${by}, and ${kind}: ${mayArrive(mail)}`
  return warning(what, value, 'make the clamd client refuse infected mail: doc/clamd-clients.md')
}

/** Returns whether a client of the clamd door asked about the message, and something was found. */
export function isInfectedForClient(seen: readonly LogRecord[]): boolean {
  const record = decisive(seen)
  return record?.fields.get('interface') === 'clamd' && record.fields.has('virus')
}

/** Returns the decisive line: a virus, if one of several doors found it. */
const decisive = (seen: readonly LogRecord[]) =>
  seen.find(({ fields }) => fields.has('virus') || fields.has('banned')) ?? seen.at(-1)

/** Returns the reply of the next server, or the one that the client got, unless it is 2xx. */
function refusalOfNext({ fields }: LogRecord): string | undefined {
  const reply = fields.get('reply')
  if (reply === undefined || reply.startsWith('2')) return undefined
  return fields.get('next') ?? reply
}

const UNSCANNED = 'run onescan check; doc/missed.md lists the settings that accept mail unscanned'

/** Returns where the message was allowed to pass: the matching line of onescan.policy, if any. */
function placeOfDecision({ fields }: LogRecord): string {
  const rule = fields.get('rule')
  return rule === undefined || rule === '-'
    ? UNSCANNED
    : `remove line ${rule} of the policy file if this mail should be scanned`
}

/** `by the milter`, as the log has it. */
const doorOf = ({ fields }: LogRecord) => `by the ${fields.get('interface') ?? 'qmail'} interface`
