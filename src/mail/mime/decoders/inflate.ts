import { Gunzip, Inflate, Unzlib } from 'fflate'
import type { MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Store } from '../storage/store.ts'

/** The first bytes of a gzip file whose data is deflated. */
export const GZIP = Buffer.from('1f8b08', 'hex')
/** The bytes that are inflated at a time: they become at most a thousand times as many. */
export const INFLATE_STEP = 512

/** The streams that have bytes in them that were deflated (RFC 1951): zlib's (RFC 1950), gzip's (RFC 1952). */
type DeflateFormat = 'deflate' | 'zlib' | 'gzip'
type Stream = Inflate | Unzlib | Gunzip

/** How a stream ended. */
export interface StreamEnd {
  /** Whether there was an error after the output. */
  readonly isBroken: boolean
  /** Whether the stream ends exactly where its bytes end. */
  readonly isExact: boolean
}

/**
 * Inflates bytes. Each stream counts as many bytes (costs.ts), so thousands of empty ones exceed the limit of
 * bytes. Bytes after the end of a stream are not read, and little more is inflated than
 * `most` bytes. The output is there until the steps of `use` are done, whose
 * result this has.
 */
export function* inflated<Result>(
  source: MailBytes,
  format: DeflateFormat,
  work: Work,
  use: (output: MailBytes, end: StreamEnd) => Steps<Result>,
  most = Number.POSITIVE_INFINITY,
): Steps<Result> {
  work.countBytes(costs.stream)
  yield* work.countUnits(costs.stream)
  const store = new Store(work.pool)
  let isBroken = false
  /** The number of bytes after its end. gzip may continue with another stream. */
  let behind: number | undefined
  const hasEnded = () => isBroken || (format !== 'gzip' && behind !== undefined && behind > 0)
  try {
    const take = (bytes: Uint8Array) => {
      work.countBytes(bytes.length)
      store.putAll(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    }
    const stream = newStream(format, take)
    for (let at = 0; at < source.length && !hasEnded() && store.size <= most; at += INFLATE_STEP) {
      const before = store.size
      isBroken = !pushed(stream, source.subarray(at, at + INFLATE_STEP))
      behind = bytesBehind(stream, format)
      yield* work.countUnits(INFLATE_STEP + store.size - before)
    }
    return yield* use(store.finish(), { isBroken, isExact: !isBroken && behind === 0 })
  } finally {
    store.close()
  }
}

/** fflate is named when a stream is made, and not before: `late-fflate.cjs` loads it then. */
export function newStream(format: DeflateFormat, take: (bytes: Uint8Array) => void): Stream {
  switch (format) {
    case 'deflate':
      return new Inflate(take)
    case 'zlib':
      return new Unzlib(take)
    case 'gzip':
      return new Gunzip(take)
  }
}

/** Returns whether the bytes could be inflated, and not too many wait for more of them. */
export function pushed(stream: Stream, bytes: MailBytes): boolean {
  try {
    stream.push(bytes as Buffer)
    return waiting(stream) <= limits.waitingCompressed
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return false
    throw error // not of fflate
  }
}

/**
 * The internal state of a stream in fflate 0.8, which is not documented (a test fails at another version): the unused
 * bytes, the position in the last block, and the offset of the bytes after a member of gzip. fflate does not report
 * otherwise where a stream ends. The runtime's zlib does, but its synchronous calls cannot be
 * interrupted and return nothing of a damaged stream, and its streams are asynchronous, as no decoder here is.
 */
interface State {
  readonly p: Uint8Array
  readonly s: { readonly f?: number; readonly l?: unknown; readonly p?: number }
  readonly v?: number
}

const waiting = (stream: object): number => (stream as State).p.length

/** The checksums that follow a stream. */
const TRAILERS = { deflate: 0, zlib: 4, gzip: 0 } as const satisfies Record<DeflateFormat, number>

/** Returns the number of pushed bytes that follow the end of a stream, or undefined before its end. */
function bytesBehind(stream: object, format: DeflateFormat): number | undefined {
  const { p, s, v = 0 } = stream as State
  if (format === 'gzip') return v > 1 && p.length >= v - 1 ? p.length - (v - 1) : undefined
  if (s.f !== 1 || s.l) return undefined
  const used = (s.p ?? 0) > 0 ? 1 : 0 // of the last byte, some bits
  return p.length - used >= TRAILERS[format] ? p.length - used - TRAILERS[format] : undefined
}
