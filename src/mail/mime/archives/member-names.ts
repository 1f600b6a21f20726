import type { Bytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { LimitExceeded } from '../budget/limits.ts'
import { INFLATE_STEP, newStream, pushed } from '../decoders/inflate.ts'
import { BLOCK, hasTarChecksum, tarMemberAt } from './tar.ts'

/** Upper limit for the bytes of a field. zip's has fewer. */
const NAME_FIELD_MAX = 64 * 1024
/** The bytes searched at a time, in addition to the following ones in which a field may end. */
const SEARCH_STEP = 256 * 1024
const SEARCHED_WITH_FIELD = SEARCH_STEP + NAME_FIELD_MAX + BLOCK

/**
 * Yields the names that archivers show in place of a member's plain name. These are zip's Unicode Path
 * (Info-ZIP's extra field 0x7075), `path` of pax (POSIX.1-2017), and GNU tar's long name; of a long path its
 * end. Numbers between them are units of work.
 *
 * The search covers all bytes, and a tar compressed by gzip. It does not cover archives with another
 * compression. Throws LimitExceeded if a field is too long, or if the tar and the names exceed 48 times the
 * size plus 16 MB.
 */
export function* replacingNames(source: Bytes): Generator<string | number> {
  let left = 48 * source.size + 16 * 1024 * 1024
  const spend = (bytes: number) => {
    left -= bytes
    if (left < 0) throw new LimitExceeded('too many bytes of archives')
  }
  for (const piece of searchedPieces(source, spend)) {
    yield INFLATE_STEP + piece.length / 2
    for (const name of namesIn(piece)) {
      if (typeof name === 'number') {
        yield name
        continue
      }
      spend(name.length)
      yield name.length
      yield name.toString()
    }
  }
}

/** Yields pieces of the bytes, with the bytes after them; then those of a tar compressed by gzip. */
function* searchedPieces(source: Bytes, spend: (bytes: number) => void): Generator<Buffer> {
  for (let at = 0; at < source.size; at += SEARCH_STEP)
    yield source.gather(at, at + SEARCHED_WITH_FIELD)
  if (source.gather(0, 2).toString('hex') !== '1f8b') return
  let waiting: Uint8Array[] = []
  let size = 0
  const stream = newStream('gzip', (bytes) => {
    spend(bytes.length)
    size += bytes.length
    waiting.push(bytes)
  })
  let isTar: boolean | undefined
  for (let at = 0; at < source.size; at += INFLATE_STEP) {
    if (!pushed(stream, source.gather(at, at + INFLATE_STEP))) break
    yield Buffer.alloc(0) // others may have their turn
    if (size >= BLOCK) isTar ??= hasTarChecksum(Buffer.concat(waiting, BLOCK))
    if (isTar === false) return
    if (size < SEARCHED_WITH_FIELD) continue
    let bytes = Buffer.concat(waiting)
    for (; bytes.length >= SEARCHED_WITH_FIELD; bytes = bytes.subarray(SEARCH_STEP)) yield bytes
    waiting = [bytes]
    size = bytes.length
  }
  for (let bytes = Buffer.concat(waiting); bytes.length > 0; bytes = bytes.subarray(SEARCH_STEP))
    yield bytes
}

/** Yields the names in fields that begin in a piece, and what the search for them costs. */
function* namesIn(bytes: Buffer): Generator<Buffer | number> {
  const end = Math.min(SEARCH_STEP, bytes.length)
  // Mark, length, version 1, checksum of the plain name, name.
  for (let at = bytes.indexOf('up'); at >= 0 && at < end; at = bytes.indexOf('up', at + 1)) {
    yield costs.word
    if (bytes[at + 4] !== 1) continue
    const to = at + 4 + bytes.readUInt16LE(at + 2)
    yield bytes.subarray(Math.max(at + 9, to - 4096), to)
  }
  for (let at = 0; at + BLOCK <= end; at += BLOCK) {
    const header = bytes.subarray(at, at + BLOCK)
    const type = String.fromCharCode(header[156]!)
    if (!'LxXg'.includes(type) || !hasTarChecksum(header)) continue
    const { from = 0, to = Number.POSITIVE_INFINITY } = tarMemberAt(at, header) ?? {}
    if (to - from > NAME_FIELD_MAX) throw new LimitExceeded('a name in an archive that is too long')
    const field = bytes.subarray(from, to)
    if (type === 'L') yield field
    else yield* pathsIn(field)
  }
}

/** Yields the paths in records of pax: length, blank, key, `=`, value, line end. */
function* pathsIn(records: Buffer): Generator<Buffer> {
  const record = /^(\d{1,6}) (path=|GNU\.sparse\.name=)?/
  for (let at = 0, end = 0; at < records.length; at = end) {
    const [begin = '', length, key] = record.exec(records.toString('latin1', at, at + 40)) ?? []
    end = at + Number(length)
    if (!(end > at)) return
    if (key) yield records.subarray(at + begin.length, end - 1)
  }
}
