/** Bytes in front of a payload: its tag, and its length as an unsigned big-endian number. */
export const FRAME_HEAD = 5

/** Takes the frames of a conversation: doc/design.md. */
export interface FrameTaker {
  /**
   * Called when a frame begins. Returns a buffer of exactly `length` bytes for its payload. Throws
   * if there must be no such frame, before a byte of it is kept.
   */
  room(tag: string, length: number): Buffer
  /** Called when the payload has come whole. */
  take(tag: string, payload: Buffer): void
}

export interface FrameReader {
  /** Takes the next bytes, in any split. Throws what the taker throws. */
  push(chunk: Buffer): void
  /** Whether a frame has begun and not come whole yet. */
  readonly amidst: boolean
}

/**
 * Makes a reader of frames, for any split of their bytes. It reads into the taker's own buffers.
 */
export function createFrameReader(taker: FrameTaker): FrameReader {
  const head = Buffer.alloc(FRAME_HEAD)
  let headLength = 0
  let tag = ''
  let payload: Buffer | undefined
  let filled = 0

  function beginFrame(): void {
    headLength = 0
    filled = 0
    tag = String.fromCharCode(head[0]!)
    payload = taker.room(tag, head.readUInt32BE(1))
    endIfWhole()
  }

  function endIfWhole(): void {
    if (payload === undefined || filled < payload.length) return
    const whole = payload
    payload = undefined
    taker.take(tag, whole)
  }

  return {
    push(chunk) {
      let at = 0
      while (at < chunk.length) {
        if (payload === undefined) {
          const copied = chunk.copy(head, headLength, at)
          headLength += copied
          at += copied
          if (headLength === FRAME_HEAD) beginFrame()
        } else {
          const copied = chunk.copy(payload, filled, at)
          filled += copied
          at += copied
          endIfWhole()
        }
      }
    },
    get amidst() {
      return headLength > 0 || payload !== undefined
    },
  }
}

/** Returns a frame, or a field of one, which has the same form. */
export function frame(tag: string, ...payload: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD)
  head[0] = tag.charCodeAt(0)
  let length = 0
  for (const part of payload) length += part.length
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, ...payload], FRAME_HEAD + length)
}

/** Returns unsigned big-endian numbers of 32 bits. */
export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

/** Returns an unsigned big-endian number of 64 bits. */
export function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
