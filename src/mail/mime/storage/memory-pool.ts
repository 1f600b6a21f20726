import { Fault } from '../../../base/errors/fault.ts'

/** Upper limit for the bytes that the decoded contents of all messages of a process use in files. */
const DISK_MAX = 1024 * 1024 * 1024

/** Upper limit for the bytes of DISK_MAX that messages use beyond their own size. */
export const DISK_BEYOND_MAX = (DISK_MAX / 4) * 3

/** Upper limit for the bytes of DISK_BEYOND_MAX for messages that use more than twice their own size. */
const IMMODEST_MAX = (DISK_BEYOND_MAX / 7) * 6

/**
 * A message may exceed its own size by this multiple of the room that is left after that. So one by
 * itself has room for all that may be decoded (limits.ts), and each of many has less.
 */
const TIMES_OF_REST = 4

/** The bytes of decoded contents that are in files now, and how many of them are beyond the sizes of their messages. */
let onDisk = 0
let beyond = 0

/** Minimum and maximum size, in bytes, of a buffer that is used again. Each size is a power of two. */
export const BUFFER_MIN = 256
export const BUFFER_MAX = 64 * 1024

/**
 * The memory and the space on the disk that the contents of one message use.
 *
 * On the disk, every message may use its own size. Space beyond that is shared: the message that uses most of it is refused
 * first. Messages that use many times their own size leave some of it to the others.
 */
export class MemoryPool {
  /** The number of bytes that are in memory now. */
  used = 0
  readonly openFile: () => number
  /** The number of bytes of the message. */
  readonly #own: number
  #onDisk = 0
  /**
   * Buffers that contents of this message no longer use, by their size. The next contents use them again: a message may
   * have a hundred thousand small contents in a row.
   */
  readonly #free = new Map<number, Buffer[]>()

  /** `size` is the number of bytes of the message whose contents these are. */
  constructor(openFile: () => number, size: number) {
    this.openFile = openFile
    this.#own = size
  }

  /** Returns a buffer of at least this size. */
  take(size: number): Buffer {
    const whole = size > BUFFER_MAX ? size : Math.max(BUFFER_MIN, 2 ** Math.ceil(Math.log2(size)))
    this.used += whole
    return this.#free.get(whole)?.pop() ?? Buffer.allocUnsafeSlow(whole)
  }

  giveBack(buffer: Buffer): void {
    this.used -= buffer.length
    if (buffer.length > BUFFER_MAX) return
    const free = this.#free.get(buffer.length)
    if (free) free.push(buffer)
    else this.#free.set(buffer.length, [buffer])
  }

  /** Takes space on the disk. Throws a Fault if there is none. */
  takeOnDisk(bytes: number): void {
    const after = this.#beyondWith(bytes)
    const all = beyond + after - this.#beyondWith(0)
    const most = after > this.#own ? IMMODEST_MAX : DISK_BEYOND_MAX
    const isRight = after === 0 || after <= TIMES_OF_REST * (most - all)
    if (!isRight || onDisk + bytes > DISK_MAX) {
      throw new Fault('temp-file', `no room for ${this.#onDisk + bytes} bytes of decoded content`)
    }
    this.#changeOnDisk(bytes)
  }

  giveBackOnDisk(bytes: number): void {
    this.#changeOnDisk(-bytes)
  }

  #changeOnDisk(bytes: number): void {
    beyond += this.#beyondWith(bytes) - this.#beyondWith(0)
    this.#onDisk += bytes
    onDisk += bytes
  }

  #beyondWith(bytes: number): number {
    return Math.max(0, this.#onDisk + bytes - this.#own)
  }
}
