import { Fault } from '../../errors/fault.ts'

/** The most characters of a reply text in the settings, before its placeholders are filled. */
const TEXT_MAX = 200

const PLACEHOLDERS = ['virus', 'ground', 'id', 'host'] as const
/** A word that stands in braces in a reply text, and is replaced for each message. */
export type Placeholder = (typeof PLACEHOLDERS)[number]

/**
 * Checks a reply text of the settings; `what` names its setting. Throws a Fault of kind `config` if
 * the text is too long, or has a line end or an unknown placeholder.
 */
export function checkReplyText(what: string, text: string): void {
  const wrong = (why: string) => new Fault('config', `${what}: ${why}`)
  if (text.length > TEXT_MAX) throw wrong(`has ${text.length} characters; at most ${TEXT_MAX}`)
  if (/[^ -~]/.test(text))
    throw wrong('has a line end, or another character that is not printable ASCII')
  for (const [placeholder, word] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (PLACEHOLDERS.some((known) => known === word)) continue
    throw wrong(`${placeholder}: must be ${PLACEHOLDERS.map((known) => `{${known}}`).join(', ')}`)
  }
}
