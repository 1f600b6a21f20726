import { startsWith } from '../../../base/bytes/buffers.ts'
import { type MailBytes, shortText } from '../../message/bytes.ts'

// tar (POSIX.1-2017 pax, "ustar Interchange Format")

export const BLOCK = 512
const SIZE_AT = 124
const CHECKSUM_AT = 148
const MAGIC_AT = 257
const MAGIC = Buffer.from('ustar')

/** Where a member of a tar archive is: its bytes, and the header of the next one. */
interface TarMember {
  readonly from: number
  readonly to: number
  readonly next: number
}

/** Returns the member whose header, at an offset, is this block, or undefined if it states no size. */
export function tarMemberAt(at: number, header: MailBytes): TarMember | undefined {
  const size = octalIn(header, SIZE_AT, 12)
  const from = at + BLOCK
  if (Number.isNaN(size)) return undefined
  return { from, to: from + size, next: from + Math.ceil(size / BLOCK) * BLOCK }
}

export function isTarHeader(block: MailBytes): boolean {
  return startsWith(block.subarray(MAGIC_AT), MAGIC) && hasTarChecksum(block)
}

/** Returns whether the block has the checksum of a tar header. Some programs sum signed bytes. */
export function hasTarChecksum(block: MailBytes): boolean {
  if (block.length < BLOCK) return false
  let [sum, negative] = [8 * 0x20, 0]
  for (let at = 0; at < BLOCK; at++) {
    if (at >= CHECKSUM_AT && at < CHECKSUM_AT + 8) continue
    sum += block[at]!
    if (block[at]! >= 0x80) negative += 0x100
  }
  return [sum, sum - negative].includes(octalIn(block, CHECKSUM_AT, 8))
}

/** Parses octal digits, with blanks and NULs around them. Returns NaN for anything else. */
function octalIn(block: MailBytes, from: number, length: number): number {
  const [, digits] = /^[ \0]*([0-7]+)[ \0]*$/.exec(shortText(block, from, length)) ?? []
  return digits === undefined ? Number.NaN : Number.parseInt(digits, 8)
}
