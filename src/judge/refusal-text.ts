import { hostname } from 'node:os'
import { replaceUnprintable } from '../ground/errors/replace-unprintable.ts'
import type { Environment } from '../ground/settings/settings.ts'
import { checkReplyText, type Placeholder } from '../ground/settings/table/reply-text.ts'
import type { Grounds, Reply, SingleDecision } from './decision.ts'

/** The texts that a site sets for its refusals, with placeholders: for some grounds, and for all others. */
export type RefusalText = Readonly<Partial<Record<Grounds | 'others', string>>>

/** Characters of a text whose placeholders are filled: a line of SMTP has 512 with its codes. */
export const TOLD_MAX = 400

/** Throws a Fault of kind `config` for a text that is too long, has a line end, or a place that is none. */
export function readRefusalText(env: Environment): RefusalText | undefined {
  const others = readReplyText('REFUSALTEXT', env.REFUSALTEXT)
  const banned = readReplyText('REFUSALTEXT_BANNED', env.REFUSALTEXT_BANNED)
  const unreadable = readReplyText('REFUSALTEXT_UNREADABLE', env.REFUSALTEXT_UNREADABLE)
  const unread: readonly Grounds[] = [
    'nested-too-deep',
    'too-much-inside',
    'encrypted',
    'strange-mime',
  ]
  const found = {
    ...(others && { others }),
    ...(banned && { banned }),
    ...(unreadable && Object.fromEntries(unread.map((grounds) => [grounds, unreadable]))),
  }
  return Object.keys(found).length === 0 ? undefined : found
}

/** Returns a text that is set, or undefined. Throws a Fault as readRefusalText() does. */
function readReplyText(name: string, text: string | undefined): string | undefined {
  if (text) checkReplyText(name, text)
  return text || undefined
}

/** Returns the decision with the site's own text, if it is a refusal and the site has set one for it. */
export function inOwnWords(
  decision: SingleDecision,
  texts: RefusalText | undefined,
  queueId: string | undefined,
): SingleDecision {
  if (texts === undefined || decision.kind !== 'reject') return decision
  const { reply, findings } = decision
  const template = texts[reply.grounds] ?? texts.others
  if (template === undefined) return decision
  const found = findings.virus ?? findings.banned
  return {
    ...decision,
    reply: { ...reply, text: fillPlaceholders(template, reply.grounds, found, queueId) },
  }
}

/** Makes the reply by which a line of onescan.policy refuses mail or a recipient, with its own text if it has one. */
export function refusalByRule(text: string | undefined, queueId: string | undefined): Reply {
  const told = text === undefined ? REFUSED : fillPlaceholders(text, 'policy', undefined, queueId)
  return { class: 5, enhanced: '5.7.1', text: told, grounds: 'policy' }
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
    ground: grounds,
    id: queueId ?? '-',
    host: hostname(),
  }
  const text = template.replace(/\{([a-z]+)\}/g, (_, place: Placeholder) => words[place])
  return replaceUnprintable(text).slice(0, TOLD_MAX)
}
