import type { QuarantineTarget } from '../../../../base/settings/table/infected-mail.ts'
import type { HeaderField } from '../../../../mail/message/header-block.ts'
import { mailReply, replyFor } from '../../replies/mail-replies.ts'
import type { Grounds } from '../../replies/reply.ts'
import type { Scanner } from '../../scanners/contract/scanner.ts'
import { properties } from '../../scanners/findings/properties.ts'
import type { Infected } from '../../scanners/findings/scan-result.ts'
import { NO_STAMP, type Trust } from '../../stamps/verify-stamps.ts'
import type { CachedOrScanned } from '../../verdicts/copies/message-identity.ts'
import { type JudgeConfig, type MailSettings, requiredQuarantine } from '../context/judge-config.ts'
import type { Client, Transaction } from '../context/transaction.ts'
import {
  actionForFinding,
  actionForInfected,
  actionForUnread,
  keepsMalwareOut,
  POLICY_STATUS,
  type ReasonedAction,
} from './actions.ts'
import type { Acceptance, DecisionDetails, QuarantineDecision, SingleDecision } from './decision.ts'
import { forwardTo } from './forward.ts'

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
      return decideUnknown(config, accept())
    case 'unread': {
      const reasoned = actionForUnread(result, config)
      if (reasoned === undefined) return acceptances.untagged
      return actOn(reasoned, config.settings, transaction.client, acceptances)
    }
    case 'infected':
      return decideInfected(transaction, config, acceptances, result)
  }
}

/** The scanners' answer is unknown: SCANFAIL decides. */
function decideUnknown(config: JudgeConfig, untagged: Acceptance): SingleDecision {
  switch (config.settings.SCANFAIL) {
    case 'accept':
      return untagged
    case 'quarantine':
      return quarantineDecision(requiredQuarantine(config.settings), 'unscanned', untagged)
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
  config: JudgeConfig,
  { tagged, untagged }: Acceptances,
  { name, isBanned = false }: Infected,
): SingleDecision {
  const { details } = tagged
  const { settings, allowedBy } = config
  const allowed = allowedBy?.(name)
  if (allowed !== undefined) return { ...tagged, details: { ...details, allowed } }
  const byFindings = actionForFinding({ name, isBanned }, config)
  // A bounce is never refused: the settings of infected mail decide about one with malware.
  const isInfectedBounce =
    byFindings !== undefined && client.isBounceInjector && keepsMalwareOut(byFindings)
  if (byFindings !== undefined && !isInfectedBounce) {
    const { property, action } = byFindings
    const because = property ? `${properties[property].because} (${name})` : `virus ${name}`
    const grounds = property ?? ('virus' as const)
    const reasoned = { ...POLICY_STATUS, action, grounds, because }
    const isTagged = property === undefined && action !== 'accept'
    return actOn(reasoned, settings, client, { tagged, untagged: isTagged ? tagged : untagged })
  }
  const infected = actionForInfected(settings, client)
  switch (infected.action) {
    case 'refuse':
      return { kind: 'reject', reply: mailReply[isBanned ? 'banned' : 'virus'](name), details }
    case 'quarantine':
      return quarantineDecision(infected.quarantine, isBanned ? 'banned' : 'virus', tagged)
    case 'forward':
      return forwardTo(infected.address, envelope, tagged)
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
  settings: MailSettings,
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
      return quarantineDecision(requiredQuarantine(settings), grounds, untagged)
    case 'defer':
      return { kind: 'defer', reply: replyFor('deferred', grounds, because, status), details }
    case 'refuse':
      return { kind: 'reject', reply: replyFor('refused', grounds, because, status), details }
  }
}

function quarantineDecision(
  quarantine: QuarantineTarget,
  grounds: Grounds,
  { edits, details }: Acceptance,
): QuarantineDecision {
  return { kind: 'quarantine', quarantine, grounds, edits, details }
}

/** The result of the scanners, or the cached verdict on a copy, with notes for the log. */
export interface ScanOutcome extends CachedOrScanned {
  /** The scanners whose result it is, in their order. */
  readonly scanners: readonly Scanner[]
  readonly notes: readonly string[]
  /** The oddities of the message (mail/mime/reports/oddities.ts), if it was read for them. */
  readonly oddities: ReadonlySet<string>
}

/** A stamp, and the id of the key that made it. */
export interface OwnStamp {
  readonly field: HeaderField
  readonly key: string
}

/** The results and notes of all stages of the judgement. */
interface Outcome extends ScanOutcome {
  readonly trust: Trust
  readonly stamp: OwnStamp | undefined
  /**
   * Lower-case names of the fields that are removed: scanners and the stamp saw the message without
   * them.
   */
  readonly remove: readonly string[]
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
  /** Unix seconds at the end of the judgement. */
  readonly now: number
}

/** Summarises an outcome for the log. */
function detailsOf(outcome: Outcome): DecisionDetails {
  const { trust, cached, oddities, stamp, times, now } = outcome
  const key = trust.isTrusted ? trust.key : stamp?.key
  return {
    scan: scanWordOf(outcome),
    reason: reasonsOf(outcome).join('; '),
    times,
    ...(oddities.size > 0 && { odd: [...oddities].join(',') }),
    ...(key !== undefined && { key }),
    ...foundBy(outcome),
    ...(cached && { by: cached.host, age: Math.max(0, now - cached.time) }),
  }
}

function scanWordOf({ trust, result, scanners, cached }: Outcome): DecisionDetails['scan'] {
  if (cached !== undefined) return 'cached'
  if (result.answer === 'unread') return 'skipped'
  const isCovered = trust.isTrusted && scanners.every(({ hasBans }) => hasBans)
  return result.answer === 'clean' && isCovered ? 'trusted' : result.answer
}

function reasonsOf({ trust, result, notes }: Outcome): string[] {
  const reason = [...notes]
  // Most mail has no stamp.
  if (!trust.isTrusted && !['', NO_STAMP].includes(trust.reason)) reason.push(trust.reason)
  if ('reason' in result) reason.push(result.reason)
  return reason
}

/** Returns which scanners gave the result, and what they found. */
function foundBy({ result, scanners }: Outcome): Partial<DecisionDetails> {
  switch (result.answer) {
    case 'clean':
      return scanners.length === 0 ? {} : { scanner: scanners.map(({ name }) => name).join(',') }
    case 'infected': {
      const { scanner, name, isBanned } = result
      return { ...(scanner && { scanner }), [isBanned ? 'banned' : 'virus']: name }
    }
    case 'unknown':
      return { cause: result.cause }
    case 'unread':
      return {}
  }
}
