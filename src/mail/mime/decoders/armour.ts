import { COLON, CR, LF, SPACE } from '../../../base/bytes/ascii.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { SEARCHED_PER_UNIT } from '../budget/costs.ts'
import { Way } from '../quirks/way.ts'
import type { Store } from '../storage/store.ts'
import { base64 } from './base64.ts'
import type { Decoder } from './decoder.ts'

/** Armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468), from after its first line, like GnuPG. */
export const armour: Decoder = function* (bytes, out, way) {
  let from = 0
  while (looksLikeField(bytes, from) && way.does('armour field') === 'is skipped') {
    const to = indexOrEnd(bytes, LF, from) + 1
    yield to - from
    from = to
  }
  yield (bytes.length - from) / SEARCHED_PER_UNIT
  yield* decodeData(bytes.subarray(from), out)
}

/** What begins the line after the data: that of the checksum, or, without any text before it, the end. */
const ENDS = ['=', '-----END']

/** Decodes base64 up to the line after it. All characters outside base64 are ignored. */
function decodeData(bytes: Buffer, out: Store): Iterable<number> {
  const ends = ENDS.map((end) => {
    if (bytes.toString('latin1', 0, end.length) === end) return 0
    const line = bytes.indexOf(`\n${end}`)
    return line < 0 ? bytes.length : line + 1
  })
  return base64(bytes.subarray(0, Math.min(...ends)), out, new Way())
}

/** Upper limit for the bytes of a line that are examined for the name of a field. */
const FIELD_MAX = 1024

/**
 * Returns whether a line contains a colon, and the first one is followed by nothing, a blank or the end of
 * the line.
 */
function looksLikeField(bytes: Buffer, from: number): boolean {
  const end = Math.min(bytes.length, from + FIELD_MAX)
  let at = from
  while (at < end && bytes[at] !== COLON && bytes[at] !== LF) at++
  if (at === end || bytes[at] === LF) return false
  const behind = bytes[at + 1]
  return at + 1 === end || behind === SPACE || behind === CR || behind === LF
}
