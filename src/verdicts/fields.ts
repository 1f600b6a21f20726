import { hostsOwn } from '../cluster/mac.ts'
import { isStampName } from '../cluster/stamp.ts'
import type { Crypto } from '../ground/runtime/crypto.ts'
import type { Header } from '../message/header-block.ts'

/**
 * Fields that each copy of a message gets on its way, in any number and order, and by which
 * no reader decodes mail: a fingerprint does not know of them. They are those that no stamp binds
 * but Content-Length, by which some readers cut mail; doc/verdicts.md argues each.
 */
export const transportFields: ReadonlySet<string> = new Set(
  [...hostsOwn].filter((name) => name !== 'content-length'),
)

/**
 * Fields that a sender writes anew in each copy. Their presence and place are part of the
 * fingerprint; their value is not.
 */
export const copyFields: ReadonlySet<string> = new Set(['message-id', 'date', 'to', 'cc'])

/** Fields that may differ when a message that killed a scanner is tried again. Nothing else may. */
export const retryFields: ReadonlySet<string> = new Set(['received', 'date', 'message-id'])

/** How much of a field a fingerprint holds. */
export type FieldShare = 'whole' | 'name' | 'nothing'

/** `name` in lower case. */
export function shareOf(name: string): FieldShare {
  if (transportFields.has(name) || isStampName(name)) return 'nothing'
  return copyFields.has(name) ? 'name' : 'whole'
}

/** The same for a message that is tried again, as it was. */
export function shareInRetry(name: string): FieldShare {
  return retryFields.has(name) || isStampName(name) ? 'nothing' : 'whole'
}

/**
 * The fields that are held of a message that is tried again and whose value a fingerprint does not
 * know of, with CRLF made LF: each behind its place among all that are held, and a blank.
 */
export function extraRetryFields(header: Header): string {
  let all = ''
  let place = 0
  for (const field of header.fields) {
    if (shareInRetry(field.key) !== 'whole') continue
    place++
    if (shareOf(field.key) === 'whole') continue
    all += `${place} ${header.textOf(field).replaceAll('\r\n', '\n')}`
  }
  return all
}

/**
 * Most bytes of fields whose value is no part of the fingerprint. Scanners stop looking at some
 * length of a header, where readers go on: what is left out must be too little for that.
 */
export const FREE_MAX = 64 * 1024
/**
 * Most bytes of a line of such fields, without its end (RFC 5322 2.1.1). libclamav splits longer
 * lines, and may take a piece for the empty line before the body.
 */
export const FREE_LINE_MAX = 998

/** Anything but tabs, line ends and text of any charset. */
const ODD = /[^\t\n\r -~\x80-\xff]/

/**
 * SHA-256 in hex over the header fields, in their order: those that are held whole as they
 * stand, from the first byte of the name through the line end, with CRLF made LF and nothing
 * else changed; of those whose name is held, the name in lower case, a colon and LF.
 * Undefined if what is not held is more than FREE_MAX, has a line over FREE_LINE_MAX, or
 * holds control characters.
 */
export function digestFields(
  crypto: Pick<Crypto, 'createHash'>,
  header: Header,
  held: (name: string) => FieldShare,
): string | undefined {
  let all = '' // one call: each costs a way to the library
  let free = 0
  for (const field of header.fields) {
    const how = held(field.key)
    const text = header.textOf(field)
    if (how === 'whole') {
      all += text.replaceAll('\r\n', '\n')
      continue
    }
    free += text.length
    if (free > FREE_MAX || ODD.test(text) || hasLongLine(text)) return undefined
    if (how === 'name') all += `${field.key}:\n`
  }
  return crypto.createHash('sha256').update(all, 'latin1').digest('hex')
}

/** Not by an expression: that would begin anew at each character of a line, and go to its end. */
function hasLongLine(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const lf = text.indexOf('\n', at)
    const end = lf < 0 ? text.length : lf
    if (end - at > FREE_LINE_MAX) return true
    at = end + 1
  }
  return false
}
