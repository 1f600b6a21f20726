import { Fault } from '../../errors/fault.ts'
import { oneOf, wrongValue } from '../../text/values.ts'
import { onescanAlone, parsed } from './kinds.ts'

/** Settings for mail in which a scanner found something. */
export const infectedMail = {
  REJECTVIRUS: parsed('0', readRejectVirus, { ...onescanAlone, fromClient: 'overrides' }),
  VIRUSFORWARD: parsed(undefined, readForward, { ...onescanAlone, fromClient: 'overrides' }),
  REFUSALTEXT: parsed(undefined, readReplyText, {
    fromClient: 'overrides',
    defaultInWords: 'a text in English that names what was found',
  }),
  QUARANTINE: parsed(undefined, readQuarantine, { ...onescanAlone, path: 'writes into' }),
}

function readRejectVirus(text: string): 'tag' | 'drop' | 'refuse' {
  if (text === '0') return 'tag'
  if (text === '1') return 'refuse'
  if (text === '2') return 'drop'
  throw wrongValue('REJECTVIRUS', text, '0 (tag), 1 (refuse) or 2 (drop)')
}

/** Bytes of an address: RFC 5321 4.5.3.1.3 has 256 for a path, with its angle brackets. */
const FORWARD_MAX = 254

const NOT_IN_ADDRESS = /[\s\p{Cc}<>]/u

/** Reads the recipient of infected mail, instead of those in the envelope. */
function readForward(text: string): string {
  if (!NOT_IN_ADDRESS.test(text) && Buffer.byteLength(text) <= FORWARD_MAX) return text
  const known = `one address without spaces and angle brackets, of at most ${FORWARD_MAX} bytes`
  throw wrongValue('VIRUSFORWARD', text.slice(0, FORWARD_MAX), known)
}

function readReplyText(text: string, name: string): string {
  checkReplyText(name, text)
  return text
}

/** Where onescan keeps mail that is neither delivered nor refused. */
export type QuarantineTarget =
  /** A directory of this host, owned by the account of the process that accepts the mail. */
  | { readonly kind: 'directory'; readonly directory: string }
  /** The hold queue of the MTA that uses the milter. */
  | { readonly kind: 'hold' }

function readQuarantine(text: string): QuarantineTarget {
  if (text === 'hold') return { kind: 'hold' }
  if (text.startsWith('/')) return { kind: 'directory', directory: text }
  throw wrongValue('QUARANTINE', text, 'an absolute path, or hold')
}

/** The upper limit for the characters of a reply text in the settings, before its placeholders are filled. */
const TEXT_MAX = 200

const PLACEHOLDERS = ['virus', 'reason', 'id', 'host'] as const
/** A word in braces in a reply text, which is replaced for each message. */
export type Placeholder = (typeof PLACEHOLDERS)[number]

/**
 * Checks a reply text of the settings. `setting` is its name. Throws a Fault of kind `config` if the text
 * is too long, or has a line end or an unknown placeholder.
 */
export function checkReplyText(setting: string, text: string): void {
  const wrong = (reason: string) => new Fault('config', `${setting}: ${reason}`)
  if (text.length > TEXT_MAX)
    throw wrong(`has ${text.length} characters; shorten it to ${TEXT_MAX}`)
  if (/[^ -~]/.test(text))
    throw wrong('has a line end, or another character that is not printable ASCII; remove it')
  for (const [placeholder, word] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (PLACEHOLDERS.some((known) => known === word)) continue
    throw wrong(
      `${placeholder} is not known; use ${oneOf(PLACEHOLDERS.map((known) => `{${known}}`))}`,
    )
  }
}
