import type { IpAddress } from '../ground/net/ip-address.ts'
import type { MailAddress } from '../message/envelope/address.ts'
import { comparable } from './comparable.ts'

/** A message, as far as lines name it. */
export interface MailParties {
  readonly sender: MailAddress
  readonly recipients: readonly MailAddress[]
  readonly client: IpAddress | undefined
}

/** Where the text of some lines stands in a file: its first line's number, and all that goes on with that. */
export interface Excerpt {
  readonly number: number
  readonly text: string
}

/** Names that lines are searched for; for more of them all lines are read. */
const KEYS_MAX = 200
/** What an expression takes for an end or a beginning of a line, and onescan.policy(5) does not. */
const ODD_BLANKS = /\r(?!\n)|[^\S \t\r\n]/
/** Labels of a domain, as match.ts has it. */
const LABELS_MAX = 32

/**
 * Of onescan.policy(5) the lines that may be about such a message, found by one expression that
 * is matched once: making ten thousand lines out of a file takes longer than a scan. Left out are
 * lines that begin with a plain address or network of somebody else, whatever else they say, and
 * what makes no sense behind it. Undefined: all may be.
 */
export function candidatesIn(text: string, about: MailParties): Excerpt[] | undefined {
  const keys = new Set([about.sender, ...about.recipients].flatMap(keysOf))
  if (keys.size > KEYS_MAX || ODD_BLANKS.test(text)) return undefined
  const found: Excerpt[] = []
  let number = 1
  let counted = 0
  for (const { 0: lines, index } of text.matchAll(expressionFor(keys, about.client))) {
    for (let at = text.indexOf('\n', counted); at >= 0 && at < index; ) {
      number++
      counted = at + 1
      at = text.indexOf('\n', counted)
    }
    found.push({ number, text: lines })
  }
  return found
}

/** What a pattern of access(5) may say of an address. */
function keysOf(address: MailAddress): string[] {
  const { whole, domain } = comparable(address)
  if (domain === undefined) return [whole]
  const labels = domain.split('.').slice(-LABELS_MAX)
  return [whole, domain, ...labels.map((_, at) => `.${labels.slice(at).join('.')}`)]
}

/** Characters of an address that is compared as it stands. */
const PLAIN = /^[\w.@+-]+$/

/**
 * Matches each line that may be about this message, with its continuation lines. Blank lines and
 * comments do not end these.
 */
function expressionFor(keys: ReadonlySet<string>, client: IpAddress | undefined): RegExp {
  const own = [...keys].filter((key) => PLAIN.test(key)).map(escaped)
  const others = String.raw`(?:to|from)=(?!(?:${own.join('|') || '(?!)'})\.?[, \t])[\w.@+-]+[, \t]`
  const [first] = client?.length === 4 ? client : []
  const octet = first === undefined ? '' : String.raw`(?!0*${first}\.)`
  // Of at least eight bits: these compare the first octet.
  const networks = String.raw`client=${octet}\d{1,3}\.[\d.]*(?:\/(?:[89]|[123]\d))?[, \t]`
  const more = String.raw`(?:\n(?:[ \t][^\n]*|#[^\n]*|\r?(?=\n|$(?![^]))))*`
  return new RegExp(String.raw`^(?!${others}|${networks})[^#\s][^\n]*${more}`, 'gim')
}

function escaped(text: string): string {
  return text.replace(/[.+-]/g, '\\$&')
}
