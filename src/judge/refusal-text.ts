import { hostname } from 'node:os'
import { Fault } from '../runtime/fault.ts'
import { printable } from '../runtime/printable.ts'
import type { Environment } from '../settings/settings.ts'
import type { Decision } from './decision.ts'

/** What refused senders are told, with places to be filled. */
export interface RefusalText {
  /** REFUSALTEXT. */
  readonly text: string | undefined
  /** REFUSALTEXT_BANNED: for banned attachments instead. */
  readonly banned: string | undefined
}

/** Characters of a text as it is set, and as it is told: a line of SMTP has 512 with its codes. */
export const TEXT_MAX = 200
export const TOLD_MAX = 400

const PLACES = ['virus', 'ground', 'id', 'host'] as const

/** Throws a Fault of kind `config` for a text that is too long, has a line end, or a place that is none. */
export function readRefusalText(env: Environment): RefusalText | undefined {
  const text = checked('REFUSALTEXT', env.REFUSALTEXT)
  const banned = checked('REFUSALTEXT_BANNED', env.REFUSALTEXT_BANNED)
  return text === undefined && banned === undefined ? undefined : { text, banned }
}

function checked(name: string, text: string | undefined): string | undefined {
  if (!text) return undefined
  const wrong = (why: string) => new Fault('config', `${name}: ${why}`)
  if (text.length > TEXT_MAX) throw wrong(`has ${text.length} characters; at most ${TEXT_MAX}`)
  if (/[^ -~]/.test(text)) throw wrong('has a line end, or something else that is not ASCII')
  for (const [place, word] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (PLACES.some((known) => known === word)) continue
    throw wrong(`${place}: must be ${PLACES.map((known) => `{${known}}`).join(', ')}`)
  }
  return text
}

/** The same decision in the site's own words, if it is a refusal for what is in the message. */
export function inOwnWords(
  decision: Decision,
  texts: RefusalText | undefined,
  queueId: string | undefined,
): Decision {
  if (texts === undefined || decision.kind !== 'reject') return decision
  const { reply, findings } = decision
  const template = reply.grounds === 'banned' ? (texts.banned ?? texts.text) : texts.text
  if (template === undefined) return decision
  const filled: Readonly<Record<string, string>> = {
    virus: findings.virus ?? findings.banned ?? reply.grounds,
    ground: reply.grounds,
    id: queueId ?? '-',
    host: hostname(),
  }
  const text = template.replace(/\{([a-z]+)\}/g, (_, place: string) => filled[place] ?? '')
  return { ...decision, reply: { ...reply, text: printable(text).slice(0, TOLD_MAX) } }
}
