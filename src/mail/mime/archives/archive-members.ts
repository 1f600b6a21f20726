import { startsWith } from '../../../base/bytes/buffers.ts'
import { Bytes, type MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { GZIP, inflated, type StreamEnd } from '../decoders/inflate.ts'
import { NAMELESS } from '../reports/part-names.ts'
import { BLOCK, isTarHeader, tarMemberAt } from './tar.ts'
import { directoryOf, localHeaderAt, ZIP_LOCAL } from './zip.ts'

/**
 * Yields each file in a zip, gzip or tar archive, the kinds in which ordinary programs pack logs. Throws
 * LimitExceeded.
 *
 * Returns whether these are all files that any program can see there. For zip this requires files written
 * from front to end as the directory lists them, with no bytes between the files and none after the end of a
 * stream. The result is false for another kind, for encrypted or broken files or another compression, and if
 * sizes disagree.
 */
export function* archiveMembers(source: Bytes, work: Work): Steps<boolean> {
  const bytes = yield* work.gather(source)
  if (startsWith(bytes, ZIP_LOCAL)) return yield* emitZip(bytes, work)
  if (startsWith(bytes, GZIP)) return (yield* emitStream(bytes, 'gzip', work)) !== undefined
  return isTarHeader(bytes.subarray(0, BLOCK)) ? yield* emitTar(bytes, work) : false
}

function* emitMember(bytes: Bytes, work: Work): Steps {
  yield* work.countUnits(costs.content)
  if (bytes.size > 0) yield { kind: 'content', bytes, isMail: false, part: NAMELESS }
}

/** Returns the uncompressed size, or undefined if the bytes are not exactly one stream. */
function emitStream(
  source: MailBytes,
  format: 'deflate' | 'gzip',
  work: Work,
): Steps<number | undefined> {
  return inflated(source, format, work, (output, end) => emitOutput(output, end, work))
}

function* emitOutput(
  output: MailBytes,
  { isExact }: StreamEnd,
  work: Work,
): Steps<number | undefined> {
  yield* emitMember(Bytes.of(output), work)
  return isExact ? output.length : undefined
}

/** A checksum and two sizes, which may follow a file, and a mark before them. */
const DESCRIPTOR_MAX = 24

function* emitZip(source: MailBytes, work: Work): Steps<boolean> {
  const directory = directoryOf(source)
  if (directory === undefined) return false
  const { entries, from } = directory
  let end = 0 // of what was read
  if (entries.some(({ isEncrypted }) => isEncrypted)) return false
  for (const { at, method, packed, size, name } of entries) {
    const header = localHeaderAt(source, at)
    const isThere = at >= end && at - end <= (end === 0 ? 0 : DESCRIPTOR_MAX)
    if (!isThere || !header || !startsWith(source.subarray(at), ZIP_LOCAL)) return false
    end = header.data + packed
    const isNamed = (yield* work.text(header.name)) === (yield* work.text(name))
    if (!isNamed || header.method !== method || end > from) return false
    const isSized = header.packed === packed && header.size === size
    if (!isSized && !header.hasDescriptor) return false
    const bytes = source.subarray(header.data, end)
    if (method === 0) yield* emitMember(Bytes.of(bytes), work)
    else if (method !== 8) return false
    const unpacked = method === 0 ? packed : yield* emitStream(bytes, 'deflate', work)
    if (unpacked !== size) return false
  }
  return from - end <= DESCRIPTOR_MAX
}

function* emitTar(source: MailBytes, work: Work): Steps<boolean> {
  let members = 0
  for (let at = 0; at < source.length; ) {
    const header = source.subarray(at, at + BLOCK)
    if (!isTarHeader(header)) {
      const rest = Bytes.of(source.subarray(at))
      return !(yield* work.some(rest, (chunk) => chunk.some((byte) => byte !== 0)))
    }
    const member = tarMemberAt(at, header)
    if (++members > limits.archiveMembers || !member || member.to > source.length) return false
    yield* emitMember(Bytes.of(source.subarray(member.from, member.to)), work)
    at = member.next
  }
  return true
}
