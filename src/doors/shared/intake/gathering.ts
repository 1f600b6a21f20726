import { faultKindOf } from '../../../ground/errors/fault.ts'
import { releaseBuffer } from '../../../ground/runtime/release-buffer.ts'
import { type FormReader, readForm } from '../../../message/form.ts'
import { createGatheredFile, type GatheredFile } from '../../../message/gathered-file.ts'
import { FIELD_COST } from '../../../message/header-block.ts'
import { headerOf, type MessageOptions, messageInMemory } from '../../../message/in-memory.ts'
import type { Message } from '../../../message/spool.ts'
import type { MemoryLease } from '../limits/memory-budget.ts'

/** Bytes of a message that are kept in memory; a larger one goes to a file. */
export const IN_MEMORY_MAX = 128 * 1024
/** Bytes that are allocated at first. */
const FIRST_PIECE = 8 * 1024

/** The bytes of a message while they come, header block and body together. */
export interface Gathering {
  /** The bytes in memory: the whole message, as long as only `addToHeader` was called. */
  readonly inMemory: Buffer
  /** Takes bytes of the header block, which stay in memory. */
  addToHeader(bytes: Buffer): void
  /** Takes bytes of the body. */
  addToBody(bytes: Buffer): void
  /** Resolves with the message, which the caller closes. No bytes may be added any more. */
  finish(): Promise<Message>
  /** Frees everything. It is called once the message is closed, or if there will be no message. */
  discard(): void
}

/**
 * Keeps a message of up to IN_MEMORY_MAX bytes in memory, which is charged to `lease`. A larger
 * message, or one for which no memory is left, goes to a file. The file is in memory, and charged, if there
 * is plenty; otherwise it is on the disk. The fields of the header are charged, too. The body is hashed as it comes. Throws Faults of the
 * kinds `temp-file` and `write` for the file, and `out-of-memory`.
 */
export function createGathering(options: MessageOptions, lease: MemoryLease): Gathering {
  lease.charge(FIRST_PIECE)
  let buffer = Buffer.allocUnsafe(FIRST_PIECE)
  let length = 0
  let file: GatheredFile | undefined
  let form: FormReader | undefined // set from the end of the header block on

  function append(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    if (buffer.length < length + bytes.length) {
      const size = Math.max(length + bytes.length, Math.min(2 * buffer.length, most))
      lease.charge(size)
      const larger = Buffer.allocUnsafe(size)
      buffer.copy(larger, 0, 0, length)
      giveUp()
      buffer = larger
    }
    length += bytes.copy(buffer, length)
  }

  /**
   * Takes the bytes into memory. Returns false if the message is too large for that, or no memory
   * is left.
   */
  function appendIfRoom(bytes: Buffer): boolean {
    if (length + bytes.length > IN_MEMORY_MAX) return false
    try {
      append(bytes, IN_MEMORY_MAX)
      return true
    } catch (error) {
      if (faultKindOf(error) === 'out-of-memory') return false
      throw error
    }
  }

  function endHeader(): FormReader {
    const all = buffer.subarray(0, length)
    const { header, headerTooLarge } = headerOf(all)
    lease.charge(header.fields.length * FIELD_COST)
    const wanted = headerTooLarge ? { md5: false, sha256: false } : options.digestsFor(header)
    const reader = readForm(header, wanted, options.createHash)
    reader.update(all.subarray(header.length))
    return reader
  }

  const fileMemory = {
    take(bytes: number): boolean {
      if (!lease.isPlenty(bytes)) return false
      lease.charge(bytes)
      return true
    },
    giveBack: lease.release,
  }

  /**
   * Frees the memory at once, after its bytes were copied: the garbage collector would take its
   * time.
   */
  function giveUp(): void {
    const copied = buffer
    drop()
    releaseBuffer(copied)
  }

  function drop(): void {
    lease.release(buffer.length)
    buffer = Buffer.alloc(0)
  }

  return {
    get inMemory() {
      return buffer.subarray(0, length)
    },
    addToHeader: (bytes) => append(bytes),
    addToBody(bytes) {
      form ??= endHeader()
      form.update(bytes)
      if (file === undefined) {
        if (appendIfRoom(bytes)) return
        file = createGatheredFile(options, fileMemory)
        file.write(buffer.subarray(0, length))
        giveUp()
      }
      file.write(bytes)
    },
    async finish() {
      const digests = (form ?? endHeader()).finish()
      const whole = file
      file = undefined
      return whole
        ? whole.finish(digests)
        : messageInMemory(buffer.subarray(0, length), options, digests)
    },
    discard() {
      file?.discard()
      file = undefined
      drop()
      lease.close()
      length = 0
    },
  }
}
