import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import type { MailAddress } from '../../../base/text/address.ts'
import { formatDuration } from '../../../base/text/units.ts'
import type { Envelope } from '../../../mail/message/envelope.ts'
import type { QuotaLookup } from '../quota/quota-lookup.ts'
import { mailReply } from '../replies/mail-replies.ts'
import type { Client } from './context/transaction.ts'
import type { Deferral } from './decision/decision.ts'

/** Recipients that are checked concurrently. */
const QUERIES_MAX = 16
/** All queries about a message together have this many times the time of one. */
const TIMEOUT_FACTOR = 4

/** A message whose size is known. The message itself may not have arrived yet. */
export interface AnnouncedMail {
  readonly envelope: Envelope
  readonly client: Client
  /** Bytes of the message. */
  readonly size: number
}

/**
 * Returns whether quotas are checked for this client's mail. They are never checked for the MTA's own
 * bounces, which would return indefinitely.
 */
export function isQuotaChecked(
  client: Pick<Client, 'mayRelay' | 'isBounceInjector'>,
  lookup: Pick<QuotaLookup, 'asksForRelayClients'>,
): boolean {
  if (client.isBounceInjector) return false
  return lookup.asksForRelayClients || !client.mayRelay
}

interface QuotaCheck {
  /** The decision about a message whose recipients are all over quota, or undefined for any other message. */
  readonly defer?: Deferral
  /** The reason, for the log, why the message passes although its quota is unknown. */
  readonly remark?: string
}

/**
 * Checks the quota of the recipients of a message, for doors that answer once for all of them. The
 * message is deferred if every recipient is over quota. It passes as soon as one recipient is not over quota,
 * or has an unknown quota. The remaining recipients are not checked. It also passes if time runs out, or if
 * this message is exempt from quota checks.
 */
export async function checkQuota(
  { envelope, client, size }: AnnouncedMail,
  lookup: QuotaLookup,
  uptime: () => number,
): Promise<QuotaCheck> {
  if (!isQuotaChecked(client, lookup) || envelope.recipientCount === 0) return {}
  const began = uptime()
  const within = lookup.timeout * TIMEOUT_FACTOR
  const found = await findOther(
    envelope.recipients[Symbol.iterator](),
    (recipient) => lookup.ask(recipient, size),
    within,
  )
  if (found === undefined) return { defer: deferOverQuota(envelope, uptime() - began) }
  return found.status === 'unknown' ? { remark: `quota: ${found.reason}` } : {}
}

/**
 * Resolves to the first answer that is not "full", or to undefined if all are. The first recipient is checked
 * alone, because most mail has only one, or the first one has room. When this resolves, no request may be
 * under way, because onescan-queue may execute another program then. So each request has its own time limit,
 * in addition to the `within` milliseconds of all.
 */
async function findOther(
  recipients: Iterator<MailAddress>,
  ask: (recipient: MailAddress) => Promise<QuotaAnswer>,
  within: number,
): Promise<QuotaAnswer | undefined> {
  let found: QuotaAnswer | undefined
  const late = setTimeout(() => {
    found ??= {
      status: 'unknown',
      reason: `not all recipients were answered within ${formatDuration(within)}`,
    }
  }, within)

  /** Resolves to whether another recipient must be checked. */
  async function askNext(): Promise<boolean> {
    const next = recipients.next()
    if (next.done) return false
    const answer = await ask(next.value)
    if (answer.status !== 'full') found ??= answer
    return found === undefined
  }

  async function askUntilFound(): Promise<void> {
    while (await askNext());
  }

  try {
    if (await askNext()) await Promise.all(Array.from({ length: QUERIES_MAX }, askUntilFound))
    return found
  } finally {
    clearTimeout(late)
  }
}

function deferOverQuota(envelope: Envelope, milliseconds: number): Deferral {
  const [first] = envelope.recipients
  const reply =
    envelope.recipientCount === 1 ? mailReply.overQuota(first!) : mailReply.overQuotaOfAll
  const reason = 'all recipients are over quota'
  return {
    kind: 'defer',
    reply,
    details: { scan: 'skipped', reason, times: { quota: milliseconds } },
  }
}
