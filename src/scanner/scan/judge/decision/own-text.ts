import { hostname } from 'node:os'
import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import type { Placeholder } from '../../../../base/settings/table/infected-mail.ts'
import { mailReply } from '../../replies/mail-replies.ts'
import type { Grounds, Reply } from '../../replies/reply.ts'
import type { MailSettings } from '../context/judge-config.ts'
import type { SingleDecision } from './decision.ts'

/**
 * Upper limit for the characters of a site's text once its placeholders are filled. The text alone has up to 200
 * (REFUSALTEXT), and a line of SMTP 512 with its codes.
 */
const OWN_TEXT_MAX = 400

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
 * Makes the reply with which a line of onescan.policy refuses mail or a recipient, with its own text if it has
 * one.
 */
export function refusalByRule(text: string | undefined, queueId: string | undefined): Reply {
  const { byRule } = mailReply
  if (text === undefined) return byRule
  return { ...byRule, text: fillPlaceholders(text, byRule.grounds, undefined, queueId) }
}

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
  return replaceUnprintable(text).slice(0, OWN_TEXT_MAX)
}
