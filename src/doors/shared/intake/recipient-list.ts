import { Fault } from '../../../ground/errors/fault.ts'
import type { MemoryLease } from '../limits/memory-budget.ts'

/** Bytes of all paths of one message together: some hundred thousand recipients. */
export const PATHS_MAX = 4 * 1024 * 1024

/** Bytes that are set aside at first, and at most at once for paths of an ordinary length. */
const FIRST_CHUNK = 1024
const CHUNK_MAX = 64 * 1024
/** Bytes of the objects that a runtime makes for a recipient whose message is judged. */
const JUDGED_OBJECTS = 512
/** The envelope is put together, read, and kept. */
const JUDGED_COPIES = 3

const END = 0

/**
 * The recipients of one message, as they were told. Whoever may send mail decides how many
 * there are, and they are told before any message counts as being here: so they are kept
 * without an object for each, and charged to `lease`.
 */
export interface RecipientList {
  readonly count: number
  /** Keeps a copy; a path holds no NUL. Throws a Fault of kind `out-of-memory`, or the lease's error. */
  add(path: Buffer): void
  /** Removes the recipient that was added last; once for each. */
  removeLast(): void
  /** All of them, to be judged, in their order; charges what that takes. */
  paths(): readonly Buffer[]
  /** Gives all back; the list is empty then. */
  free(): void
}

export function createRecipientList(lease: MemoryLease): RecipientList {
  let chunks: { readonly bytes: Buffer; used: number }[] = []
  let count = 0
  let told = 0
  let last = 0 // bytes of the one that was added last

  function chunkFor(length: number) {
    const last = chunks.at(-1)
    if (last && last.bytes.length - last.used >= length) return last
    const size = Math.max(length, Math.min(CHUNK_MAX, (last?.bytes.length ?? FIRST_CHUNK / 2) * 2))
    lease.charge(size)
    const chunk = { bytes: Buffer.allocUnsafeSlow(size), used: 0 }
    chunks.push(chunk)
    return chunk
  }

  return {
    get count() {
      return count
    },
    add(path) {
      if (told + path.length > PATHS_MAX) {
        throw new Fault('out-of-memory', `recipients of over ${PATHS_MAX} bytes`)
      }
      const chunk = chunkFor(path.length + 1)
      chunk.used += path.copy(chunk.bytes, chunk.used)
      chunk.bytes[chunk.used++] = END
      told += path.length
      last = path.length
      count++
    },
    removeLast() {
      chunks.at(-1)!.used -= last + 1
      told -= last
      count--
    },
    paths() {
      lease.charge(count * JUDGED_OBJECTS + told * JUDGED_COPIES)
      return chunks.flatMap(({ bytes, used }) => pathsIn(bytes.subarray(0, used)))
    },
    free() {
      chunks = []
      count = 0
      told = 0
      lease.close()
    },
  }
}

/** Views of what is kept. */
function pathsIn(bytes: Buffer): Buffer[] {
  const paths: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(END, at)
    paths.push(bytes.subarray(at, end))
    at = end + 1
  }
  return paths
}
