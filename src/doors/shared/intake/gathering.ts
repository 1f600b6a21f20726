import { faultKindOf } from '../../../ground/errors/fault.ts'
import { releaseBuffer } from '../../../ground/runtime/release-buffer.ts'
import { type FormReader, readForm } from '../../../message/form.ts'
import { GatheredFile } from '../../../message/gathered-file.ts'
import { FIELD_COST } from '../../../message/header-block.ts'
import { headerOf, type MessageOptions, messageInMemory } from '../../../message/in-memory.ts'
import type { Message } from '../../../message/message.ts'
import type { MemoryLease } from '../limits/memory-budget.ts'

/** Bytes of a message that are kept in memory; a larger one goes to a file. */
export const IN_MEMORY_MAX = 128 * 1024
/** Bytes that are allocated at first. */
const FIRST_PIECE = 8 * 1024

/**
 * The bytes of a message while they come, header block and body together. Up to IN_MEMORY_MAX bytes
 * are kept in memory, which is charged to a lease. A larger message, or one for which no memory is
 * left, goes to a file. The file is in memory, and charged, if there is plenty; otherwise it is on
 * the disk. The fields of the header are charged, too. The body is hashed as it comes. Throws
 * Faults of the kinds `temp-file` and `write` for the file, and `out-of-memory`.
 */
export class Gathering {
  readonly #options: MessageOptions
  readonly #lease: MemoryLease
  #buffer: Buffer
  #length = 0
  #file: GatheredFile | undefined
  #form: FormReader | undefined // set from the end of the header block on

  constructor(options: MessageOptions, lease: MemoryLease) {
    this.#options = options
    this.#lease = lease
    lease.charge(FIRST_PIECE)
    this.#buffer = Buffer.allocUnsafe(FIRST_PIECE)
  }

  /** The bytes in memory: the whole message, as long as only `addToHeader` was called. */
  get inMemory(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Takes bytes of the header block, which stay in memory. */
  addToHeader(bytes: Buffer): void {
    this.#append(bytes)
  }

  /** Takes bytes of the body. */
  addToBody(bytes: Buffer): void {
    this.#form ??= this.#endHeader()
    this.#form.update(bytes)
    if (this.#file === undefined) {
      if (this.#hasRoomFor(bytes)) return
      this.#file = this.#openFile()
      this.#file.write(this.inMemory)
      this.#giveUp()
    }
    this.#file.write(bytes)
  }

  /** Resolves with the message, which the caller closes. No bytes may be added any more. */
  async finish(): Promise<Message> {
    const digests = (this.#form ?? this.#endHeader()).finish()
    const whole = this.#file
    this.#file = undefined
    return whole ? whole.finish(digests) : messageInMemory(this.inMemory, this.#options, digests)
  }

  /** Frees everything. It is called once the message is closed, or if there will be no message. */
  discard(): void {
    this.#file?.discard()
    this.#file = undefined
    this.#drop()
    this.#lease.close()
    this.#length = 0
  }

  #append(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    const length = this.#length + bytes.length
    if (this.#buffer.length < length) {
      const size = Math.max(length, Math.min(2 * this.#buffer.length, most))
      this.#lease.charge(size)
      const larger = Buffer.allocUnsafe(size)
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#giveUp()
      this.#buffer = larger
    }
    this.#length += bytes.copy(this.#buffer, this.#length)
  }

  /**
   * Takes the bytes into memory, unless the message is too large for that, or no memory is left.
   */
  #hasRoomFor(bytes: Buffer): boolean {
    if (this.#length + bytes.length > IN_MEMORY_MAX) return false
    try {
      this.#append(bytes, IN_MEMORY_MAX)
      return true
    } catch (error) {
      if (faultKindOf(error) === 'out-of-memory') return false
      throw error
    }
  }

  #openFile(): GatheredFile {
    const lease = this.#lease
    return new GatheredFile(this.#options, {
      take(bytes) {
        if (!lease.isPlenty(bytes)) return false
        lease.charge(bytes)
        return true
      },
      giveBack: (bytes) => lease.release(bytes),
    })
  }

  #endHeader(): FormReader {
    const { header, headerTooLarge } = headerOf(this.inMemory)
    this.#lease.charge(header.fields.length * FIELD_COST)
    const { digestsFor, createHash } = this.#options
    const wanted = headerTooLarge ? { md5: false, sha256: false } : digestsFor(header)
    const reader = readForm(header, wanted, createHash)
    reader.update(this.inMemory.subarray(header.length))
    return reader
  }

  /**
   * Frees the memory at once, after its bytes were copied: the garbage collector would take its
   * time.
   */
  #giveUp(): void {
    const copied = this.#buffer
    this.#drop()
    releaseBuffer(copied)
  }

  #drop(): void {
    this.#lease.release(this.#buffer.length)
    this.#buffer = Buffer.alloc(0)
  }
}
