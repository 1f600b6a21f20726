import type { Crypto } from '../cluster/mac.ts'
import { isStampName } from '../cluster/stamp.ts'
import type { Header } from '../message/header-block.ts'

/**
 * Fields that each copy of a message gets on its way, in any number and order, and by which
 * no reader decodes mail: a fingerprint does not know of them. doc/cluster.md argues each.
 */
export const ofTheWay: ReadonlySet<string> = new Set([
  'received',
  'received-spf',
  'return-path',
  'delivered-to',
  'delivery-date',
  'envelope-to',
  'x-original-to',
  'authentication-results',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'bcc',
  'resent-bcc',
  'x-qhpsi',
])

/**
 * Fields that a sender writes once in each copy, with a value of its own: that they are
 * there, and where, is in a fingerprint; what is in them is not.
 */
export const ofTheCopy: ReadonlySet<string> = new Set(['message-id', 'date', 'to', 'cc'])

/** Of a message that killed a scanner nothing else may differ from try to try. */
export const ofTheTry: ReadonlySet<string> = new Set(['received', 'date', 'message-id'])

/** How much of a field a fingerprint holds. */
export type Held = 'whole' | 'name' | 'nothing'

/** `name` in lower case. */
export function heldOf(name: string): Held {
  if (ofTheWay.has(name) || isStampName(name)) return 'nothing'
  return ofTheCopy.has(name) ? 'name' : 'whole'
}

/** The same for a message that is tried again, as it was. */
export function heldOfATry(name: string): Held {
  return ofTheTry.has(name) || isStampName(name) ? 'nothing' : 'whole'
}

/**
 * Most bytes of fields that are not held whole. Scanners stop looking at some length of a
 * header, where readers do not: what is left out must be too little for that.
 */
export const FREE_MAX = 64 * 1024
/**
 * Most bytes of a line of theirs, without its end (RFC 5322 2.1.1): libclamav takes longer
 * ones apart, and may come to an empty line there, and so to the body.
 */
export const FREE_LINE_MAX = 998

const LONG_LINE = new RegExp(`[^\\n]{${FREE_LINE_MAX + 1}}`)
/** Anything but tabs, line ends and text of any charset. */
const ODD = /[^\t\n\r -~\x80-\xff]/

/**
 * SHA-256 in hex over the header fields, in their order: those that are held whole as they
 * stand, from the first byte of the name through the line end, with CRLF made LF and nothing
 * else changed; of those whose name is held, the name in lower case, a colon and LF.
 * Undefined if what is not held is more than FREE_MAX, has a line over FREE_LINE_MAX, or
 * holds control characters.
 */
export function digestHeld(
  crypto: Pick<Crypto, 'createHash'>,
  header: Header,
  held: (name: string) => Held,
): string | undefined {
  let all = '' // hashed at once: for each call there is a way to the library
  let free = 0
  for (const field of header.fields) {
    const how = held(field.key)
    const text = header.textOf(field)
    if (how === 'whole') {
      all += text.replaceAll('\r\n', '\n')
      continue
    }
    free += text.length
    if (free > FREE_MAX || ODD.test(text) || LONG_LINE.test(text)) return undefined
    if (how === 'name') all += `${field.key}:\n`
  }
  return crypto.createHash('sha256').update(all, 'latin1').digest('hex')
}
