import type { MailAddress } from '../message/envelope/address.ts'
import { type Envelope, recipientsOf, redirect } from '../message/envelope/envelope.ts'
import type { Decision, Findings, Share, SingleDecision, SplitDecision } from './decision.ts'
import { refusal } from './replies.ts'
import type { Transaction } from './transaction.ts'

/**
 * How a door answers for several recipients: each for itself (LMTP); once, but the message may
 * leave with fewer recipients; or once for all of them.
 */
export type AnswerMode = 'each' | 'once, some kept' | 'once'

/** What was decided for some of the recipients, and by which line, `-` for none. */
export interface GroupDecision {
  readonly decision: SingleDecision
  readonly line: string
}

/**
 * One decision of several parts; `partOf` has the place of each recipient's. Where the door
 * can, each recipient has its own answer. A door that answers once can only part those for whom the
 * message is kept in quarantine from those who get it, since of both it says that the message was
 * taken. In any other mixture the strictest decision counts for all.
 */
export function divide(
  parts: readonly GroupDecision[],
  partOf: readonly number[],
  transaction: Transaction,
  answers: AnswerMode,
): Decision {
  const joint = named(strictest(parts.map(({ decision }) => decision), transaction), parts) // biome-ignore format: a line
  if (parts.length === 1 || !mayDivide(parts, answers)) return joint
  const accepted = parts.filter(({ decision }) => decision.kind === 'accept')
  const others = parts.filter(({ decision }) => decision.kind !== 'accept')
  if (others.length === 0) return joint
  const groups = accepted.length === 0 ? [] : [accepted]
  for (const other of others) groups.push([other])
  const groupOf = new Map(groups.flatMap((group, place) => group.map((part) => [part, place])))
  const shareOf = partOf.map((part) => groupOf.get(parts[part]!)!)
  const envelopes = envelopesOf(transaction.envelope, shareOf, groups.length)
  const shares = groups.map((group, index): Share => {
    const decision = strictest(group.map(({ decision }) => decision), transaction) // biome-ignore format: a line
    return { decision: named(decision, group), envelope: envelopes[index]! }
  })
  return { kind: 'split', shares, shareOf }
}

function mayDivide(parts: readonly GroupDecision[], answers: AnswerMode): boolean {
  // Where it goes to VIRUSFORWARD, and where the MTA holds it, the message is one.
  const isOne = parts.some(({ decision: it }) =>
    it.kind === 'accept'
      ? it.recipients !== undefined
      : it.kind === 'quarantine' && it.place.kind === 'hold',
  )
  if (isOne || answers === 'once') return false
  if (answers === 'each') return true
  const kinds = new Set(parts.map(({ decision }) => decision.kind))
  return kinds.size === 2 && kinds.has('accept') && kinds.has('quarantine')
}

function envelopesOf(envelope: Envelope, shareOf: readonly number[], count: number): Envelope[] {
  const recipients = Array.from({ length: count }, (): MailAddress[] => [])
  let at = 0
  for (const recipient of recipientsOf(envelope)) recipients[shareOf[at++]!]!.push(recipient)
  return recipients.map((those) => redirect(envelope, those))
}

/** Who gets the message, and how; undefined if nobody does. */
export function acceptedShare({ shares }: SplitDecision): AcceptedShare | undefined {
  for (const { decision, envelope } of shares) {
    if (decision.kind === 'accept') return { decision, envelope }
  }
  return undefined
}

interface AcceptedShare extends Share {
  readonly decision: Extract<SingleDecision, { kind: 'accept' }>
}

/** Characters of line numbers in the log. */
const NAMED_MAX = 100

/** With the lines that it was decided by, if there are any. */
function named(decision: SingleDecision, parts: readonly GroupDecision[]): SingleDecision {
  const rule = [...new Set(parts.map(({ line }) => line))].join(',')
  if (rule === '-') return decision
  return { ...decision, findings: { ...decision.findings, rule: rule.slice(0, NAMED_MAX) } }
}

/**
 * Of decisions for different recipients of one message the strictest that loses nothing: deferred
 * for one, deferred for all; refused, the sender hears of it; kept in quarantine for all; sent to
 * VIRUSFORWARD for all. What would be dropped for some alone is refused, or else delivered.
 */
export function strictest(
  decisions: readonly SingleDecision[],
  { client }: Transaction,
): SingleDecision {
  const first = (isMeant: (decision: SingleDecision) => boolean) => decisions.find(isMeant)
  const of = (kind: SingleDecision['kind']) => first((decision) => decision.kind === kind)
  const found = of('defer') ?? of('reject') ?? of('quarantine')
  if (found !== undefined) return found
  const forwarded = first((it) => it.kind === 'accept' && it.recipients !== undefined)
  if (forwarded !== undefined) return forwarded
  const dropped = of('discard')
  if (dropped !== undefined) {
    if (decisions.every(({ kind }) => kind === 'discard')) return dropped
    const { virus, banned } = dropped.findings
    const reply = refusal(virus ?? banned ?? 'found', virus === undefined)
    if (!client.bounceInjector) return { kind: 'reject', reply, findings: dropped.findings }
  }
  const accepted = decisions.filter(({ kind }) => kind === 'accept')
  const by = (scan: Findings['scan']) => accepted.find(({ findings }) => findings.scan === scan)
  return by('infected') ?? by('unknown') ?? accepted.find(hasEdits) ?? accepted[0]!
}

function hasEdits(decision: SingleDecision): boolean {
  return decision.kind === 'accept' && decision.edits.add.length > 0
}
