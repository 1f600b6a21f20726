import { replaceUnprintable } from '../ground/errors/replace-unprintable.ts'
import type { MailAddress } from '../message/envelope/address.ts'
import { type Envelope, recipientsOf } from '../message/envelope/envelope.ts'
import type { QuotaAnswer, QuotaLookup, TimedLookup } from '../quota/ask/quota-answer.ts'
import type { Reply, SingleDecision } from './decision.ts'
import type { Client } from './transaction.ts'

/**
 * Recipients that are asked about at once. All of them together have this many times the time of
 * one question.
 */
const AT_ONCE = 16
const TIMES = 4

/** What is asked about. The message itself need not be there yet. */
export interface AnnouncedMail {
  readonly envelope: Envelope
  readonly client: Client
  /** Bytes of the message. */
  readonly size: number
}

/**
 * Whether questions are asked for this client's mail. Not for the MTA's own bounces: they would
 * come back for ever.
 */
export function isAskedAbout(
  client: Pick<Client, 'relay' | 'bounceInjector'>,
  lookup: Pick<QuotaLookup, 'askForRelayClients'>,
): boolean {
  if (client.bounceInjector) return false
  return lookup.askForRelayClients || !client.relay
}

/**
 * The answer for all recipients together, for doors that answer for all at once: `full` if each
 * of them is over quota. Otherwise it is the answer about the first one that is not, or that is
 * not known; the message passes, and the others are not asked about. `unknown` if not all can
 * be asked about in time. Undefined if no recipient is to be asked about.
 */
export async function answerForAll(
  { envelope, client, size }: AnnouncedMail,
  lookup: TimedLookup,
): Promise<QuotaAnswer | undefined> {
  if (!isAskedAbout(client, lookup) || envelope.recipientCount === 0) return undefined
  const within = lookup.timeout * TIMES
  const found = await findOther(
    recipientsOf(envelope),
    (recipient) => lookup.ask(recipient, size),
    within,
  )
  return found ?? { answer: 'full' }
}

/** Tells the log why a message passes although its quota could not be found out. */
export function quotaRemark(answer: QuotaAnswer | undefined): string | undefined {
  return answer?.answer === 'unknown' ? `quota: ${answer.why}` : undefined
}

/**
 * The first answer that is not "full", or undefined if all are. The first recipient is asked about
 * alone, since most mail has no other, or room there. When this resolves no question is under way,
 * since a door may become another program then; so each question has its own time limit besides
 * `within` milliseconds.
 */
async function findOther(
  recipients: Iterator<MailAddress>,
  ask: (recipient: MailAddress) => Promise<QuotaAnswer>,
  within: number,
): Promise<QuotaAnswer | undefined> {
  let found: QuotaAnswer | undefined
  const late = setTimeout(() => {
    found ??= { answer: 'unknown', why: `no answer for all recipients in ${within} ms` }
  }, within)

  /** Whether there may be another one to ask about. */
  async function askNext(): Promise<boolean> {
    const next = recipients.next()
    if (next.done) return false
    const answer = await ask(next.value)
    if (answer.answer !== 'full') found ??= answer
    return found === undefined
  }

  async function askOn(): Promise<void> {
    while (await askNext());
  }

  try {
    if (await askNext()) await Promise.all(Array.from({ length: AT_ONCE }, askOn))
    return found
  } finally {
    clearTimeout(late)
  }
}

/** What becomes of such a message; `milliseconds` were spent on asking. */
export function deferOverQuota(
  envelope: Envelope,
  milliseconds: number,
): Extract<SingleDecision, { kind: 'defer' }> {
  const [first] = recipientsOf(envelope)
  const reply: Reply = {
    class: OVER_QUOTA.class,
    enhanced: OVER_QUOTA.enhanced,
    text:
      envelope.recipientCount === 1
        ? overQuotaText(first!)
        : 'Quota exceeded for all recipients, try again later',
    grounds: 'over-quota',
  }
  const why = 'all recipients are over quota'
  return {
    kind: 'defer',
    reply,
    findings: { scan: 'skipped', why, times: { quota: milliseconds } },
  }
}

/** Characters of an address in a reply: the line has 512 with all that belongs to it (RFC 5321, 4.5.3.1.5). */
const ADDRESS_MAX = 320

/** RFC 3463: a mailbox is full, for now. */
export const OVER_QUOTA = { class: 4, code: 452, enhanced: '4.2.2' } as const

/** The reply about a full mailbox, behind `452 4.2.2 `: printable ASCII in one line. */
export function overQuotaText({ text }: MailAddress): string {
  const shown = replaceUnprintable(text)
  return `Quota exceeded for <${shown.slice(0, ADDRESS_MAX)}>, try again later`
}
