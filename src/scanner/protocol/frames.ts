/** A frame of a protocol: one letter, a length, and that many bytes. */
export interface Frame {
  readonly type: string
  /** Valid until the next one is requested from the reader. */
  readonly payload: Buffer
}

/** The form of a protocol's frames, and the memory for them. */
interface Framing {
  /**
   * Parses the HEAD bytes of a frame: its letter, and the bytes of its payload. Throws if no such frame is
   * allowed, before a byte of it is kept.
   */
  readHead(head: Buffer): { readonly type: string; readonly length: number }
  readonly memory?: FrameMemory
}

/** The lease of the reader's own memory, which a payload in pieces needs. */
export interface FrameMemory {
  /** Called before memory is allocated. If it throws, `next()` does. */
  charge(bytes: number): void
  /** Called when memory is no longer used. */
  release(memory: Buffer): void
}

/** Bytes in front of each payload. */
export const HEAD = 5
/**
 * Bytes that are allocated first for payloads in pieces, and kept until `trim()`. A length alone must not
 * cost memory, and the next payload, which is often about as large, should need no new allocation.
 */
const FIRST_PIECE = 64 * 1024
const NOTHING = Buffer.alloc(0)
const freeMemory: FrameMemory = { charge() {}, release() {} }

/** Reads frames from any split of their bytes. */
export class FrameReader {
  readonly #framing: Framing
  readonly #memory: FrameMemory
  readonly #chunks: Buffer[] = []
  #at = 0 // bytes of the first chunk that were read
  readonly #head = Buffer.alloc(HEAD)
  #headLength = 0
  #type = ''
  #length = 0
  // The memory of payloads in several chunks. The next payload overwrites it, so a caller must copy the parts
  // of a frame that it keeps before it awaits anything.
  #gathered: Buffer = NOTHING
  #filled = 0

  constructor(framing: Framing) {
    this.#framing = framing
    this.#memory = framing.memory ?? freeMemory
  }

  /** Takes the next bytes, in any split. They must not be changed before they are read. */
  push(chunk: Buffer): void {
    addWaiting(this.#chunks, chunk)
  }

  /**
   * Returns the next complete frame, or undefined until more bytes arrive. Throws the errors of the framing.
   */
  next(): Frame | undefined {
    if (!this.isAmidst && this.#gathered.length > FIRST_PIECE) this.trim()
    for (;;) {
      if (this.#headLength === HEAD) {
        const payload = this.#readPayload()
        if (payload !== undefined) return this.#endFrame(payload)
      }
      if (!this.#hasMore()) return undefined
      if (this.#headLength < HEAD) this.#readHead()
    }
  }

  /** Whether a frame has begun that is not complete. */
  get isAmidst(): boolean {
    return this.#headLength > 0
  }

  /** The bytes that have not been read yet. */
  get pending(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, -this.#at)
  }

  /** Frees the memory that is kept for later payloads. Must not be called within a frame. */
  trim(): void {
    this.#memory.release(this.#gathered)
    this.#gathered = NOTHING
  }

  /** Frees everything: nothing more is read. */
  close(): void {
    this.#chunks.length = 0
    this.#at = 0
    this.#headLength = 0
    this.trim()
  }

  /** Returns whether there are unread bytes. Drops chunks that were read. */
  #hasMore(): boolean {
    if (this.#at === this.#chunks[0]?.length) {
      this.#chunks.shift()
      this.#at = 0
    }
    return this.#chunks.length > 0
  }

  /** Copies up to `length` bytes of the first chunk, and returns how many there were. */
  #copyTo(target: Buffer, filled: number, length: number): number {
    const copied = this.#chunks[0]!.copy(target, filled, this.#at, this.#at + length)
    this.#at += copied
    return copied
  }

  #readHead(): void {
    this.#headLength += this.#copyTo(this.#head, this.#headLength, HEAD - this.#headLength)
    if (this.#headLength < HEAD) return
    const { type, length } = this.#framing.readHead(this.#head)
    this.#type = type
    this.#length = length
  }

  /** Returns the payload if it is complete: as a view of its chunk if it arrived in one. */
  #readPayload(): Buffer | undefined {
    const chunk = this.#hasMore() ? this.#chunks[0]! : NOTHING
    const left = chunk.length - this.#at
    if (this.#filled === 0 && left >= this.#length) {
      this.#at += this.#length
      return chunk.subarray(this.#at - this.#length, this.#at)
    }
    const wanted = Math.min(this.#length - this.#filled, left)
    const target = this.#gatheredFor(this.#filled + wanted)
    if (wanted > 0) this.#filled += this.#copyTo(target, this.#filled, wanted)
    return this.#filled === this.#length ? target.subarray(0, this.#length) : undefined
  }

  #endFrame(payload: Buffer): Frame {
    this.#headLength = 0
    this.#filled = 0
    return { type: this.#type, payload }
  }

  /** Returns the reader's own memory, with room for `length` bytes. */
  #gatheredFor(length: number): Buffer {
    if (this.#gathered.length >= length) return this.#gathered
    const first = Math.min(this.#length, FIRST_PIECE)
    const capacity = Math.max(length, Math.min(this.#length, 2 * this.#gathered.length), first)
    this.#memory.charge(capacity)
    const larger = Buffer.allocUnsafeSlow(capacity)
    this.#gathered.copy(larger, 0, 0, this.#filled)
    this.trim()
    this.#gathered = larger
    return larger
  }
}

/** Returns unsigned big-endian numbers of 32 bits. */
export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

/** Upper limit for waiting pieces: more become one, which uses no more memory than its bytes. */
const PIECES_MAX = 256

/**
 * Adds bytes to those that wait to be read, in any split. They must not be changed afterwards. A client that
 * sends byte by byte costs no more memory than its bytes, and no more time for each piece.
 */
export function addWaiting(pieces: Buffer[], piece: Buffer): void {
  if (piece.length === 0) return
  pieces.push(piece)
  if (pieces.length > PIECES_MAX) pieces.splice(0, Number.POSITIVE_INFINITY, Buffer.concat(pieces))
}
