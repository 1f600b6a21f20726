import { startsWith } from '../../../base/bytes/buffers.ts'
import { Bytes } from '../../message/bytes.ts'
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
  const front = source.gather(0, BLOCK)
  if (startsWith(front, ZIP_LOCAL)) return yield* emitZip(source.gather(), work)
  if (startsWith(front, GZIP)) return (yield* emitStream(source, 'gzip', work)) !== undefined
  return isTarHeader(front) ? yield* emitTar(source, work) : false
}

function* emitMember(bytes: Bytes, work: Work): Steps {
  yield* work.countUnits(costs.content)
  if (bytes.size > 0) yield { kind: 'content', bytes, isMail: false, part: NAMELESS }
}

/** Returns the uncompressed size, or undefined if the bytes are not exactly one stream. */
function emitStream(
  source: Bytes,
  format: 'deflate' | 'gzip',
  work: Work,
): Steps<number | undefined> {
  return inflated(source.gather(), format, work, (output, end) => emitOutput(output, end, work))
}

function* emitOutput(
  output: Buffer,
  { isExact }: StreamEnd,
  work: Work,
): Steps<number | undefined> {
  yield* emitMember(Bytes.of(output), work)
  return isExact ? output.length : undefined
}

/** A checksum and two sizes, which may follow a file, and a mark before them. */
const DESCRIPTOR_MAX = 24

function* emitZip(source: Buffer, work: Work): Steps<boolean> {
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
    if (!header.name.equals(name) || header.method !== method || end > from) return false
    const isSized = header.packed === packed && header.size === size
    if (!isSized && !header.hasDescriptor) return false
    const bytes = Bytes.of(source.subarray(header.data, end))
    if (method === 0) yield* emitMember(bytes, work)
    else if (method !== 8) return false
    const unpacked = method === 0 ? packed : yield* emitStream(bytes, 'deflate', work)
    if (unpacked !== size) return false
  }
  return from - end <= DESCRIPTOR_MAX
}

function* emitTar(source: Bytes, work: Work): Steps<boolean> {
  let members = 0
  for (let at = 0; at < source.size; ) {
    const header = source.gather(at, at + BLOCK)
    if (!isTarHeader(header)) {
      return !(yield* work.some(source.slice(at), (chunk) => chunk.some((byte) => byte !== 0)))
    }
    const member = tarMemberAt(at, header)
    if (++members > limits.archiveMembers || !member || member.to > source.size) return false
    yield* emitMember(source.slice(member.from, member.to), work)
    at = member.next
  }
  return true
}
