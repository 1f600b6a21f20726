import type { MailAddress } from '../../../../base/text/address.ts'
import { type Envelope, redirect } from '../../../../mail/message/envelope.ts'
import { mailReply } from '../../replies/mail-replies.ts'
import type { Transaction } from '../context/transaction.ts'
import type {
  Acceptance,
  Decision,
  DecisionDetails,
  Share,
  SingleDecision,
  SplitDecision,
} from './decision.ts'

/**
 * How a door answers for several recipients:
 *
 * - `per recipient`: a separate reply for each (LMTP).
 * - `one reply, some quarantined`: one reply, although the message is quarantined for some of them.
 * - `one reply`: one reply and one decision for all.
 */
export type AnswerMode = 'per recipient' | 'one reply, some quarantined' | 'one reply'

/** The decision for a group of recipients. */
export interface GroupDecision {
  readonly decision: SingleDecision
  /** The number of the line that decided, `-` if none did. */
  readonly line: string
}

/**
 * Returns one decision made of those for several groups. `groupOf` contains the index of each recipient's
 * group. Each recipient has a separate answer if the door supports that. A door that answers once
 * gives the same answer to quarantined and to accepted mail, so it can separate these two. In any other
 * mixture the strictest decision applies to all.
 */
export function divide(
  decisions: readonly GroupDecision[],
  groupOf: readonly number[],
  transaction: Transaction,
  answers: AnswerMode,
): Decision {
  const isAccepted = ({ decision }: GroupDecision) => decision.kind === 'accept'
  const accepted = decisions.filter(isAccepted)
  if (accepted.length === decisions.length || !mayDivide(decisions, answers)) {
    return joinDecisions(decisions, transaction)
  }
  const others = decisions.filter((decision) => !isAccepted(decision)).map((decision) => [decision])
  const joined = accepted.length === 0 ? others : [accepted, ...others]
  const shareFor = new Map(joined.flatMap((share, at) => share.map((decision) => [decision, at])))
  const shareOf = groupOf.map((group) => shareFor.get(decisions[group]!)!)
  const ofShares = joined.map((share) => joinDecisions(share, transaction))
  const envelopes = envelopesOf(transaction.envelope, shareOf, joined.length)
  const shares = ofShares.map((decision, at): Share => ({ decision, envelope: envelopes[at]! }))
  return { kind: 'split', shares, shareOf }
}

/** Returns whether the door can give the groups different answers. */
function mayDivide(decisions: readonly GroupDecision[], answers: AnswerMode): boolean {
  if (decisions.length === 1 || answers === 'one reply') return false
  if (decisions.some(({ decision }) => isAboutWhole(decision))) return false
  if (answers === 'per recipient') return true
  const kinds = new Set(decisions.map(({ decision }) => decision.kind))
  return kinds.size === 2 && kinds.has('accept') && kinds.has('quarantine')
}

/**
 * Returns whether a decision must apply to all recipients: VIRUSFORWARD gets the message, or the MTA holds
 * it.
 */
function isAboutWhole(decision: SingleDecision): boolean {
  if (decision.kind === 'accept') return decision.recipients !== undefined
  return decision.kind === 'quarantine' && decision.quarantine.kind === 'hold'
}

/** Makes an envelope of the recipients of each share. */
function envelopesOf(envelope: Envelope, shareOf: readonly number[], count: number): Envelope[] {
  const recipients = Array.from({ length: count }, (): MailAddress[] => [])
  let at = 0
  for (const recipient of envelope.recipients) recipients[shareOf[at++]!]!.push(recipient)
  return recipients.map((ofShare) => redirect(envelope, ofShare))
}

/** Returns the share of the recipients who receive the message, or undefined if no recipient does. */
export function acceptedShare({ shares }: SplitDecision): AcceptedShare | undefined {
  for (const { decision, envelope } of shares) {
    if (decision.kind === 'accept') return { decision, envelope }
  }
  return undefined
}

interface AcceptedShare extends Share {
  readonly decision: Acceptance
}

/** Upper limit for the characters of the line numbers in the log. */
const LINE_NUMBERS_MAX = 100

/** The strictest of the decisions by several lines, with the numbers of all of them. */
export function joinLines(
  decisions: readonly GroupDecision[],
  transaction: Transaction,
): GroupDecision {
  const decision = strictest(
    decisions.map((group) => group.decision),
    transaction,
  )
  return { decision, line: [...new Set(decisions.map(({ line }) => line))].join(',') }
}

/** The strictest of some decisions. Its details name the lines of all of them, if there are any. */
function joinDecisions(
  decisions: readonly GroupDecision[],
  transaction: Transaction,
): SingleDecision {
  const { decision, line: rule } = joinLines(decisions, transaction)
  if (rule === '-') return decision
  return { ...decision, details: { ...decision.details, rule: shorten(rule) } }
}

/** Returns numbers joined by commas within LINE_NUMBERS_MAX; `...` replaces the last ones if there are more. */
function shorten(numbers: string): string {
  if (numbers.length <= LINE_NUMBERS_MAX) return numbers
  const lastComma = numbers.lastIndexOf(',', LINE_NUMBERS_MAX - ',...'.length)
  return `${numbers.slice(0, lastComma + 1)}...`
}

/**
 * Returns the strictest of the decisions for different recipients of one message, so that no mail is lost. If
 * one recipient's mail is deferred, it is deferred for all. After that the same applies to mail that is
 * refused, kept in quarantine, or sent to VIRUSFORWARD. Mail that would be dropped for some recipients alone is
 * refused, or delivered if it is a bounce.
 */
function strictest(decisions: readonly SingleDecision[], { client }: Transaction): SingleDecision {
  const first = (kind: SingleDecision['kind']) => decisions.find((other) => other.kind === kind)
  const withheld = first('defer') ?? first('reject') ?? first('quarantine')
  if (withheld !== undefined) return withheld
  const accepted = decisions.filter((decision) => decision.kind === 'accept')
  const forwarded = accepted.find(({ recipients }) => recipients !== undefined)
  if (forwarded !== undefined) return forwarded
  const dropped = first('discard')
  if (dropped !== undefined) {
    if (accepted.length === 0) return dropped
    const { virus, banned } = dropped.details
    const reply = virus === undefined ? mailReply.banned(banned ?? 'found') : mailReply.virus(virus)
    if (!client.isBounceInjector) return { kind: 'reject', reply, details: dropped.details }
  }
  const scanned = (scan: DecisionDetails['scan']) =>
    accepted.find(({ details }) => details.scan === scan)
  const edited = accepted.find(({ edits }) => edits.add.length > 0)
  return scanned('infected') ?? scanned('unknown') ?? edited ?? accepted[0]!
}
