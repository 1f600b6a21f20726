/** Takes the decoded bytes from the front of `room`; valid until it returns. */
export type Give = (room: Buffer, length: number) => void

/** Decodes a content that comes in any split. What it has decoded when a call returns was given. */
export interface Decoder {
  push(bytes: Buffer, from: number, to: number): void
  end(): void
}

/** Bytes that are decoded before they are given. */
export const ROOM = 16 * 1024

/** Bytes from which on a copy takes less time than one by one. */
const COPIED_LEAST = 40

/** Fills a room byte by byte, and gives what is in it when it is full, or when it is flushed. */
export class Writer {
  readonly #give: Give
  readonly #room: Buffer
  #length = 0

  constructor(give: Give, room: Buffer) {
    this.#give = give
    this.#room = room
  }

  put(byte: number): void {
    if (this.#length === this.#room.length) this.flush()
    this.#room[this.#length++] = byte
  }

  putAll(bytes: Buffer, from: number, to: number): void {
    if (to - from < COPIED_LEAST) {
      for (let at = from; at < to; at++) this.put(bytes[at]!)
      return
    }
    for (let at = from; at < to; ) {
      if (this.#length === this.#room.length) this.flush()
      const copied = bytes.copy(this.#room, this.#length, at, to)
      this.#length += copied
      at += copied
    }
  }

  flush(): void {
    if (this.#length > 0) this.#give(this.#room, this.#length)
    this.#length = 0
  }
}
