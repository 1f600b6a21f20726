/** Receives decoded bytes at the front of `room`. They are valid until it returns. */
export type Give = (room: Buffer, length: number) => void

/**
 * Decodes a content that comes in pieces of any size. When a call returns, all bytes that it decoded
 * have been given.
 */
export interface Decoder {
  push(bytes: Buffer, from: number, to: number): void
  end(): void
}

/** Makes a decoder. Nothing else may use `room` while the decoder is in use. */
export type MakeDecoder = (give: Give, room: Buffer) => Decoder

/** The number of decoded bytes that are collected before they are given. */
export const ROOM = 16 * 1024

/** From this many bytes on, the runtime's copy is faster than a loop. */
const COPIED_LEAST = 40

/** Fills the room byte by byte. Gives its content when it is full, and when `flush` is called. */
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
