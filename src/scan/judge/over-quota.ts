import { replaceUnprintable } from '../../lib/errors/log.ts'
import { formatDuration } from '../../lib/errors/units.ts'
import type { MailAddress } from '../../mail/message/envelope/address.ts'
import { type Envelope, recipientsOf } from '../../mail/message/envelope/envelope.ts'
import type { QuotaAnswer, QuotaLookup, TimedLookup } from '../quota/quota-answer.ts'
import type { Deferral, Reply } from './decision.ts'
import type { Client } from './transaction.ts'

/** Recipients that are asked about at once. */
const AT_ONCE = 16
/** All questions about a message together have this many times the time of one. */
const TIMES = 4

/** A message whose size is known; the message itself need not be there yet. */
export interface AnnouncedMail {
  readonly envelope: Envelope
  readonly client: Client
  /** Bytes of the message. */
  readonly size: number
}

/**
 * Whether quotas are asked about for this client's mail. They are never asked about for the MTA's own
 * bounces, which would come back indefinitely.
 */
export function isAskedAbout(
  client: Pick<Client, 'mayRelay' | 'isBounceInjector'>,
  lookup: Pick<QuotaLookup, 'askForRelayClients'>,
): boolean {
  if (client.isBounceInjector) return false
  return lookup.askForRelayClients || !client.mayRelay
}

/** What asking about the recipients of a message came to. */
interface QuotaCheck {
  /** The decision about a message whose recipients are all over quota; any other message passes. */
  readonly defer?: Deferral
  /** Tells the log why the message passes although its quota could not be found out. */
  readonly remark?: string
}

/**
 * Asks about the recipients of a message, for doors that answer once for all of them. It is
 * deferred if each of them is over quota. It passes as soon as one is not over quota, or could not
 * be found out; the others are not asked about then. It also passes if time runs out, or if quotas
 * are not asked about for this message.
 */
export async function checkQuota(
  { envelope, client, size }: AnnouncedMail,
  lookup: TimedLookup,
  uptime: () => number,
): Promise<QuotaCheck> {
  if (!isAskedAbout(client, lookup) || envelope.recipientCount === 0) return {}
  const began = uptime()
  const within = lookup.timeout * TIMES
  const found = await findOther(
    recipientsOf(envelope),
    (recipient) => lookup.ask(recipient, size),
    within,
  )
  if (found === undefined) return { defer: deferOverQuota(envelope, uptime() - began) }
  return found.status === 'unknown' ? { remark: `quota: ${found.why}` } : {}
}

/**
 * Finds the first answer that is not "full"; returns undefined if all are. The first recipient is
 * asked about alone, since most mail has no other, or the first one has room. When this resolves, no
 * question is under way, since a door may become another program then. So each question has a time
 * limit of its own, besides the `within` milliseconds of all.
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
      why: `no answer for all recipients in ${formatDuration(within)}`,
    }
  }, within)

  /** Returns whether to ask about another recipient. */
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
    if (await askNext()) await Promise.all(Array.from({ length: AT_ONCE }, askUntilFound))
    return found
  } finally {
    clearTimeout(late)
  }
}

function deferOverQuota(envelope: Envelope, milliseconds: number): Deferral {
  const [first] = recipientsOf(envelope)
  const reply: Reply = {
    class: OVER_QUOTA.class,
    enhanced: OVER_QUOTA.enhanced,
    text: envelope.recipientCount === 1 ? overQuotaText(first!) : OVER_QUOTA_OF_ALL,
    grounds: 'over-quota',
  }
  const why = 'all recipients are over quota'
  return {
    kind: 'defer',
    reply,
    details: { scan: 'skipped', why, times: { quota: milliseconds } },
  }
}

/** Characters of an address in a reply, whose line has 512 in all (RFC 5321 4.5.3.1.5). */
const ADDRESS_MAX = 320

/** The codes for a mailbox that is full for now (RFC 3463). */
export const OVER_QUOTA = { class: 4, code: 452, enhanced: '4.2.2' } as const

/** The text of the reply about several full mailboxes. */
export const OVER_QUOTA_OF_ALL = 'Quota exceeded for all recipients, try again later'

/**
 * Makes the text of the reply about a full mailbox: one line of printable ASCII, to stand after
 * `452 4.2.2 `.
 */
export function overQuotaText({ text }: MailAddress): string {
  const shown = replaceUnprintable(text)
  return `Quota exceeded for <${shown.slice(0, ADDRESS_MAX)}>, try again later`
}
