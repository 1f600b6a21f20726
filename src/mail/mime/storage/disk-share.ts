import { Fault } from '../../../base/errors/fault.ts'

/** Upper limit for the bytes that the decoded contents of all messages of a process use in files. */
const DISK_MAX = 1024 * 1024 * 1024

/** Of these, the upper limit for space that messages use beyond their own size. */
export const DISK_BEYOND_MAX = (DISK_MAX / 4) * 3

/** Of that, the upper limit for messages that use more than twice their own size. */
const IMMODEST_MAX = (DISK_BEYOND_MAX / 7) * 6

/**
 * A message may exceed its own size by this multiple of the room that is left after that. So one by
 * itself has room for all that may be decoded (limits.ts), and each of many has less.
 */
const TIMES_OF_REST = 4

/** The bytes there now, and those of them that are beyond the sizes of their messages. */
let onDisk = 0
let beyond = 0

/**
 * The space that one message uses on the disk. Every message may use its own size. Space beyond that is
 * shared: the message that uses most of it is refused first. Messages that use many times their own size
 * leave some of it to the others.
 */
export class DiskShare {
  readonly #own: number
  #taken = 0

  /** `own` is the number of bytes of the message. */
  constructor(own: number) {
    this.#own = own
  }

  /** Takes space. Throws a Fault if there is none. */
  take(bytes: number): void {
    const after = this.#beyondWith(bytes)
    const all = beyond + after - this.#beyondWith(0)
    const most = after > this.#own ? IMMODEST_MAX : DISK_BEYOND_MAX
    const isRight = after === 0 || after <= TIMES_OF_REST * (most - all)
    if (!isRight || onDisk + bytes > DISK_MAX) {
      throw new Fault('temp-file', `no room for ${this.#taken + bytes} bytes of decoded content`)
    }
    this.#change(bytes)
  }

  giveBack(bytes: number): void {
    this.#change(-bytes)
  }

  #change(bytes: number): void {
    beyond += this.#beyondWith(bytes) - this.#beyondWith(0)
    this.#taken += bytes
    onDisk += bytes
  }

  #beyondWith(bytes: number): number {
    return Math.max(0, this.#taken + bytes - this.#own)
  }
}
