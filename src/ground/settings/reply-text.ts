import { Fault } from '../errors/fault.ts'

/** The most characters of a text, as it is set. */
export const TEXT_MAX = 200

const PLACEHOLDERS = ['virus', 'ground', 'id', 'host'] as const
export type Placeholder = (typeof PLACEHOLDERS)[number]

/**
 * Checks the text of a reply in which placeholders are filled; `what` names it. Throws a Fault of
 * kind `config` if it is too long, has a line end, or a placeholder that is not known.
 */
export function checkReplyText(what: string, text: string): void {
  const wrong = (why: string) => new Fault('config', `${what}: ${why}`)
  if (text.length > TEXT_MAX) throw wrong(`has ${text.length} characters; at most ${TEXT_MAX}`)
  if (/[^ -~]/.test(text))
    throw wrong('has a line end, or another character that is not printable ASCII')
  for (const [place, word] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (PLACEHOLDERS.some((known) => known === word)) continue
    throw wrong(`${place}: must be ${PLACEHOLDERS.map((known) => `{${known}}`).join(', ')}`)
  }
}
