import type { IpAddress } from '../../ground/net/ip-address.ts'
import type { MailAddress } from '../../mail/message/envelope/address.ts'
import { comparable, localWithoutDomain, patternKeysOf } from './match.ts'

/** The sender, the recipients and the client of a message, which lines may name. */
export interface MailParties {
  readonly sender: MailAddress
  readonly recipients: readonly MailAddress[]
  readonly client: IpAddress | undefined
}

/** A line of a file, with its continuation lines, and its number. */
interface Excerpt {
  readonly number: number
  readonly text: string
}

/** Most names for which lines are searched; with more of them all lines are read. */
const KEYS_MAX = 200
/** Characters that end or begin a line for an expression, but not for onescan.policy(5). */
const ODD_BLANKS = /\r(?!\n)|[^\S \t\r\n]/

/**
 * Finds the lines of onescan.policy(5) that may be about such a message, by one expression that is
 * matched once: reading ten thousand lines takes longer than a scan. Leaves out lines that begin
 * with a plain address or network of somebody else, even if the rest of such a line makes no sense.
 * Returns undefined if all lines must be read.
 */
export function candidatesIn(text: string, about: MailParties): Excerpt[] | undefined {
  // Any line may be about a mailbox whose domain is not known.
  if (about.recipients.some((to) => localWithoutDomain(to) !== undefined)) return undefined
  const named = [about.sender, ...about.recipients].flatMap((to) => patternKeysOf(comparable(to)))
  const keys = new Set(named.map((key) => key.replace(/^@/, '')))
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

/** An address that an expression can compare as it stands. */
const PLAIN = /^[\w.@+-]+$/

/**
 * Makes the expression that matches each line that may be about this message, with its continuation
 * lines, among which blank lines and comments may stand.
 */
function expressionFor(keys: ReadonlySet<string>, client: IpAddress | undefined): RegExp {
  const own = [...keys].filter((key) => PLAIN.test(key)).map(escaped)
  const others = String.raw`(?:to|from)=(?!(?:${own.join('|') || '(?!)'})\.?[, \t])[\w.@+-]+[, \t]`
  const [first] = client?.length === 4 ? client : []
  const octet = first === undefined ? '' : String.raw`(?!0*${first}\.)`
  // Networks of at least eight bits are told apart by their first octet.
  const networks = String.raw`client=${octet}\d{1,3}\.[\d.]*(?:\/(?:[89]|[123]\d))?[, \t]`
  const more = String.raw`(?:\n(?:[ \t][^\n]*|#[^\n]*|\r?(?=\n|$(?![^]))))*`
  return new RegExp(String.raw`^(?!${others}|${networks})[^#\s][^\n]*${more}`, 'gim')
}

function escaped(text: string): string {
  return text.replace(/[.+-]/g, '\\$&')
}
