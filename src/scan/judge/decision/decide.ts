import type { HeaderField } from '../../../mail/message/header-block.ts'
import { properties } from '../../scanners/findings/properties.ts'
import type { Infected } from '../../scanners/findings/scan-result.ts'
import type { JudgeConfig, MailSettings } from '../context/judge-config.ts'
import type { Client, Transaction } from '../context/transaction.ts'
import {
  actionForFinding,
  actionForInfected,
  actionForUnread,
  keepsMalwareOut,
  POLICY_STATUS,
  type ReasonedAction,
} from './actions.ts'
import type { Acceptance, Grounds, QuarantineDecision, SingleDecision } from './decision.ts'
import { forwardTo } from './forward.ts'
import { detailsOf, type Outcome } from './outcome.ts'
import { mailReply, replyFor } from './replies.ts'

const CLEAN: HeaderField = { name: 'X-QHPSI', value: 'clean' }
const VIRUS_FOUND: HeaderField = { name: 'X-QHPSI', value: 'virus found' }

/**
 * Returns the decision about a message. Pure: the decision depends only on the results of the stages and on
 * the settings.
 */
export function decide(
  transaction: Transaction,
  config: JudgeConfig,
  outcome: Outcome,
): SingleDecision {
  const { result, stamp, remove } = outcome
  const details = detailsOf(outcome)
  const accept = (...add: readonly HeaderField[]): Acceptance => {
    return { kind: 'accept', edits: { remove, add }, details }
  }
  const acceptances = { tagged: accept(VIRUS_FOUND), untagged: accept() }
  switch (result.answer) {
    case 'clean':
      return stamp ? accept(CLEAN, stamp.field) : accept(CLEAN)
    case 'unknown':
      return decideUnknown(config.settings, accept())
    case 'infected':
      return decideInfected(transaction, config, acceptances, result)
    case 'unread': {
      const reasoned = actionForUnread(result, config.settings)
      if (reasoned === undefined) return acceptances.untagged
      return actOn(reasoned, config.settings, transaction.client, acceptances)
    }
  }
}

/** The scanners' answer is unknown: SCANFAIL decides. */
function decideUnknown(
  { SCANFAIL, QUARANTINE }: MailSettings,
  untagged: Acceptance,
): SingleDecision {
  switch (SCANFAIL) {
    case 'accept':
      return untagged
    case 'quarantine':
      return quarantineDecision(QUARANTINE, 'unscanned', untagged)
    case 'defer':
      return { kind: 'defer', reply: mailReply.notScanned, details: untagged.details }
  }
}

/**
 * Returns the decision about a message in which a scanner found something. The exceptions of onescan.policy
 * decide first, then FINDINGS, then actionForInfected(). FINDINGS may also name malware, which then keeps the
 * tag and the log fields of infected mail.
 */
function decideInfected(
  { envelope, client }: Transaction,
  { settings, allowedBy }: JudgeConfig,
  { tagged, untagged }: Acceptances,
  { name, banned = false }: Infected,
): SingleDecision {
  const { details } = tagged
  const allowed = allowedBy?.(name)
  if (allowed !== undefined) return { ...tagged, details: { ...details, allowed } }
  const byFindings = actionForFinding({ name, banned }, settings)
  // A bounce is never refused: the settings of infected mail decide about one with malware.
  const isLeft = byFindings !== undefined && client.isBounceInjector && keepsMalwareOut(byFindings)
  if (byFindings !== undefined && !isLeft) {
    const { property, action } = byFindings
    const because = property ? `${properties[property].because} (${name})` : `virus ${name}`
    const grounds = property ?? ('virus' as const)
    const reasoned = { ...POLICY_STATUS, action, grounds, because }
    const isTagged = property === undefined && action !== 'accept'
    return actOn(reasoned, settings, client, { tagged, untagged: isTagged ? tagged : untagged })
  }
  switch (actionForInfected(settings, client)) {
    case 'refuse':
      return { kind: 'reject', reply: mailReply[banned ? 'banned' : 'virus'](name), details }
    case 'quarantine':
      return quarantineDecision(settings.QUARANTINE, banned ? 'banned' : 'virus', tagged)
    case 'forward':
      return forwardTo(settings.VIRUSFORWARD!, envelope, tagged)
    case 'drop':
      return { kind: 'discard', details }
    case 'tag':
      return tagged
  }
}

/** An accepted message, with and without the field that names the finding. */
interface Acceptances {
  readonly tagged: Acceptance
  readonly untagged: Acceptance
}

/**
 * Returns the decision for the action of a setting. A bounce is never refused, because it would be retried
 * indefinitely.
 */
function actOn(
  { action, grounds, because, status }: ReasonedAction,
  { QUARANTINE }: MailSettings,
  { isBounceInjector }: Client,
  { tagged, untagged }: Acceptances,
): SingleDecision {
  if (isBounceInjector) return action === 'tag' ? tagged : untagged
  const { details } = untagged
  switch (action) {
    case 'accept':
      return untagged
    case 'tag':
      return tagged
    case 'quarantine':
      return quarantineDecision(QUARANTINE, grounds, untagged)
    case 'defer':
      return { kind: 'defer', reply: replyFor('deferred', grounds, because, status), details }
    case 'refuse':
      return { kind: 'reject', reply: replyFor('refused', grounds, because, status), details }
  }
}

/** readJudgeConfig() has ensured that there is a quarantine if a setting requires it. */
function quarantineDecision(
  quarantine: MailSettings['QUARANTINE'],
  grounds: Grounds,
  { edits, details }: Acceptance,
): QuarantineDecision {
  return { kind: 'quarantine', quarantine: quarantine!, grounds, edits, details }
}
