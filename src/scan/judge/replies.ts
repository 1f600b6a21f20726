import { hostname } from 'node:os'
import { replaceUnprintable } from '../../lib/log/log-line.ts'
import type { Placeholder } from '../../lib/settings/table/scanning.ts'
import type { MailSettings } from './config.ts'
import type { Grounds, Reply, SingleDecision } from './decision.ts'

/** The reply to infected or banned mail that is refused. */
export function refusal(name: string, banned: boolean): Reply {
  const text = banned ? `message refused: banned ${name}` : `message refused: virus ${name}`
  return { class: 5, enhanced: '5.7.1', text, grounds: banned ? 'banned' : 'virus' }
}

/** The reply to mail about which no scanner gave an answer. */
export const NOT_SCANNED: Reply = {
  class: 4,
  enhanced: '4.7.1',
  text: 'message could not be scanned, try again later',
  grounds: 'unscanned',
}

/** Characters of a reply that quotes what was found: a line of SMTP has 512 with its codes. */
const TEXT_MAX = 200

/**
 * Returns the reply to mail that a setting refuses or defers. `why` ends the sentence "message refused: ..."
 * and must not contain text that a sender chose. `status` is that of RFC 3463 without its class. Without it,
 * the reply is about the form of the message.
 */
export function replyFor(
  verb: 'refused' | 'deferred',
  grounds: Grounds,
  why: string,
  status = '6.0',
): Reply {
  const text = `message ${verb}: ${why}`.slice(0, TEXT_MAX)
  return verb === 'refused'
    ? { class: 5, enhanced: `5.${status}`, text, grounds }
    : { class: 4, enhanced: `4.${status}`, text, grounds }
}

/** Characters of a text whose placeholders are filled: a line of SMTP has 512 with its codes. */
const OWN_WORDS_MAX = 400

/** Returns the decision with the site's own text, if it is a refusal and the site has set one. */
export function inOwnWords(
  decision: SingleDecision,
  { REFUSALTEXT: template }: Pick<MailSettings, 'REFUSALTEXT'>,
  queueId: string | undefined,
): SingleDecision {
  if (decision.kind !== 'reject' || template === undefined) return decision
  const { reply, details } = decision
  const found = details.virus ?? details.banned
  return {
    ...decision,
    reply: { ...reply, text: fillPlaceholders(template, reply.grounds, found, queueId) },
  }
}

/**
 * Makes the reply by which a line of onescan.policy refuses mail or a recipient, with its own text if it
 * has one.
 */
export function refusalByRule(text: string | undefined, queueId: string | undefined): Reply {
  const said = text === undefined ? REFUSED : fillPlaceholders(text, 'policy', undefined, queueId)
  return { class: 5, enhanced: '5.7.1', text: said, grounds: 'policy' }
}

const REFUSED = 'refused by local policy'

function fillPlaceholders(
  template: string,
  grounds: Grounds,
  found: string | undefined,
  queueId: string | undefined,
): string {
  const words: Readonly<Record<Placeholder, string>> = {
    virus: found ?? grounds,
    reason: grounds,
    id: queueId ?? '-',
    host: hostname(),
  }
  const text = template.replace(/\{([a-z]+)\}/g, (_, place: Placeholder) => words[place])
  return replaceUnprintable(text).slice(0, OWN_WORDS_MAX)
}
