import { Gunzip, Inflate, Unzlib } from 'fflate'
import type { Bytes } from '../../message/bytes.ts'
import { Store } from '../shared/store.ts'
import type { Steps, Work } from '../shared/work.ts'

/** The bytes that are inflated at a time: they become at most a thousand times as many. */
const INFLATED_MOST = 512

/** What a stream costs besides its bytes: the memory that fflate takes for each. */
const STREAM_COST = 32 * 1024

/** The streams that have bytes in them that were deflated (RFC 1951): zlib's (RFC 1950), gzip's (RFC 1952). */
type Form = 'deflate' | 'zlib' | 'gzip'

/**
 * Inflates bytes. Each stream counts as
 * STREAM_COST bytes, so thousands of empty ones exceed the limit of bytes. Returns what came out, which the
 * caller closes, and whether there was an error after it.
 */
export function* inflated(
  source: Bytes,
  form: Form,
  work: Work,
): Steps<{ readonly store: Store; readonly isBroken: boolean }> {
  work.countBytes(STREAM_COST)
  yield* work.countUnits(STREAM_COST)
  const store = new Store(work.pool)
  let isBroken = false
  let isDone = false
  try {
    const take = (bytes: Uint8Array) => {
      work.countBytes(bytes.length)
      store.append(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    }
    const stream = newStream(form, take)
    for (const chunk of source.chunks()) {
      for (let at = 0; at < chunk.length && !isBroken; at += INFLATED_MOST) {
        const before = store.size
        isBroken = !pushed(stream, chunk.subarray(at, at + INFLATED_MOST))
        yield* work.countUnits(INFLATED_MOST + store.size - before)
      }
    }
    isDone = true
    return { store, isBroken }
  } finally {
    if (!isDone) store.close()
  }
}

/** fflate is named when a stream is made, and not before: `packaging/late-fflate.cjs` loads it then. */
function newStream(form: Form, take: (bytes: Uint8Array) => void): Inflate | Unzlib | Gunzip {
  switch (form) {
    case 'deflate':
      return new Inflate(take)
    case 'zlib':
      return new Unzlib(take)
    case 'gzip':
      return new Gunzip(take)
  }
}

/** Returns whether the bytes could be inflated. */
function pushed(stream: Inflate | Unzlib | Gunzip, bytes: Buffer): boolean {
  try {
    stream.push(bytes)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return false
    throw error // not of fflate
  }
}
