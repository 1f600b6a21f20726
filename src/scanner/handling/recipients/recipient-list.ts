import { Fault } from '../../../base/errors/fault.ts'
import type { MemoryLease } from '../../../base/flow/memory-budget.ts'

/** Bytes of all paths of one message together: some hundred thousand recipients. */
const PATHS_MAX = 4 * 1024 * 1024

/** Bytes of the first chunk of paths, and of the largest one, unless a path is longer. */
const FIRST_CHUNK = 1024
const CHUNK_MAX = 64 * 1024
/** Bytes of the objects that the runtime creates for a recipient when the message is judged. */
const JUDGED_OBJECTS = 512
/** Copies of the envelope while the message is judged: one is assembled, one is read, one is kept. */
const JUDGED_COPIES = 3

const END = 0

/**
 * The recipients of one message, in the form in which the client named them. Clients decide how many there
 * are, and name them before the message counts as one in progress. So they are stored without an object for
 * each, and charged to `lease`.
 */
export class RecipientList {
  readonly #lease: MemoryLease
  #chunks: { readonly bytes: Buffer; used: number }[] = []
  #count = 0
  #total = 0 // bytes of all paths
  #last = 0 // bytes of the path that was added last

  constructor(lease: MemoryLease) {
    this.#lease = lease
  }

  get count(): number {
    return this.#count
  }

  /**
   * Keeps a copy of the path, which has no NUL. Throws a Fault of kind `out-of-memory`, or the
   * lease's error.
   */
  add(path: Buffer): void {
    if (this.#total + path.length > PATHS_MAX) {
      throw new Fault(
        'out-of-memory',
        `the recipients' addresses exceed ${PATHS_MAX} bytes; the client must send to fewer recipients per message`,
      )
    }
    const chunk = this.#chunkFor(path.length + 1)
    chunk.used += path.copy(chunk.bytes, chunk.used)
    chunk.bytes[chunk.used++] = END
    this.#total += path.length
    this.#last = path.length
    this.#count++
  }

  /** Removes the recipient that was added last. It is called at most once for each. */
  removeLast(): void {
    this.#chunks.at(-1)!.used -= this.#last + 1
    this.#total -= this.#last
    this.#count--
  }

  /**
   * Returns all paths in their order, without copies, and charges the memory for judging them. May be called
   * once. Throws as add() does.
   */
  paths(): readonly Buffer[] {
    this.#lease.charge(this.#count * JUDGED_OBJECTS + this.#total * JUDGED_COPIES)
    const paths: Buffer[] = []
    for (const { bytes, used } of this.#chunks) {
      for (let at = 0; at < used; ) {
        const end = bytes.indexOf(END, at)
        paths.push(bytes.subarray(at, end))
        at = end + 1
      }
    }
    return paths
  }

  /** Gives all memory back, and empties the list. */
  free(): void {
    this.#chunks = []
    this.#count = 0
    this.#total = 0
    this.#lease.close()
  }

  #chunkFor(length: number) {
    const last = this.#chunks.at(-1)
    if (last && last.bytes.length - last.used >= length) return last
    const size = Math.max(length, Math.min(CHUNK_MAX, (last?.bytes.length ?? FIRST_CHUNK / 2) * 2))
    this.#lease.charge(size)
    const chunk = { bytes: Buffer.allocUnsafeSlow(size), used: 0 }
    this.#chunks.push(chunk)
    return chunk
  }
}
