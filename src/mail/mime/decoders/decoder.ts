import { CR, LF } from '../../../lib/bytes/ascii.ts'
import { LineSearch } from '../../../lib/bytes/lines.ts'
import type { Bytes } from '../../message/bytes.ts'
import { Unreadable } from '../budget/limits.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import type { Habits } from '../habits/habits.ts'
import { Store } from '../storage/store.ts'
import { eachHabits } from './each-habits.ts'

/** Receives decoded bytes at the front of `buffer`. They are valid until it returns. */
export type Write = (buffer: Buffer, length: number) => void

/**
 * Decodes a content in pieces of any size. When a call returns, all bytes that it decoded have been passed
 * on. Throws Unreadable if it cannot decode the rest: then the bytes until there are used.
 */
export interface Decoder {
  push(bytes: Buffer, from: number, to: number): void
  end(): void
}

/** Makes a decoder. Nothing else may use `buffer` while the decoder is in use. */
export type MakeDecoder = (write: Write, buffer: Buffer) => Decoder

/** Returns a factory for decoders of a class. `more` are further arguments of the constructor. */
export function makerOf<More extends readonly unknown[]>(
  Class: new (write: Write, buffer: Buffer, ...more: More) => Decoder,
  ...more: More
): MakeDecoder {
  return (write, buffer) => new Class(write, buffer, ...more)
}

/** Returns what makes the decoder of a reader. It requests the habits of that reader where readers differ. */
export type Codec = (habits: Habits) => MakeDecoder

/** Decodes a content with one decoder after the other. */
export function chained(makers: readonly MakeDecoder[]): MakeDecoder {
  return makers.reduceRight((makeRest, makeFirst) => (write, buffer) => {
    const rest = makeRest(write, buffer)
    const first = makeFirst(
      (bytes, length) => rest.push(bytes, 0, length),
      Buffer.allocUnsafeSlow(buffer.length),
    )
    return {
      push: (bytes, from, to) => first.push(bytes, from, to),
      end() {
        first.end()
        rest.end()
      },
    }
  })
}

/** The number of decoded bytes that are collected before they are written. */
export const BUFFER_SIZE = 16 * 1024

/** The bytes that are expected of each encoded byte: nearly all large contents are in base64. */
const EXPECTED = 3 / 4

/** Decodes a source. The result is there until the steps of `use` are done, whose result this has. */
export function* decoded<Result>(
  part: Bytes,
  make: MakeDecoder,
  work: Work,
  use: (source: Bytes) => Steps<Result>,
): Steps<Result> {
  work.countBytes(part.size)
  const store = new Store(work.pool, part.size * EXPECTED)
  try {
    yield* decodeInto(store, part, make, work)
    return yield* use(store)
  } finally {
    store.close()
  }
}

/**
 * Decodes a source once for each set of habits that makes a difference to it. Returns the common ones, which come
 * first.
 */
export function* decodedInEachWay(
  part: Bytes,
  codec: Codec,
  work: Work,
  use: (source: Bytes, habits: Habits) => Steps,
): Steps<Habits> {
  let common: Habits | undefined
  for (const habits of eachHabits('decoding a part', work)) {
    common ??= habits
    yield* decoded(part, codec(habits), work, (source) => use(source, habits))
  }
  return common!
}

/**
 * Counts the bytes of the input or of the output, whichever are more: a line of uuencode yields the length
 * that it declares, even if its data is shorter.
 */
function* decodeInto(store: Store, part: Bytes, make: MakeDecoder, work: Work): Steps {
  const buffer = work.buffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_SIZE)
  try {
    const decoder = make((bytes, length) => store.append(bytes, 0, length), buffer)
    for (const chunk of part.chunks()) {
      for (let at = 0; at < chunk.length; at += LINES_PIECE) {
        const before = store.size
        const end = Math.min(chunk.length, at + LINES_PIECE)
        decoder.push(chunk, at, end)
        yield* work.countUnits(Math.max(end - at, store.size - before))
      }
    }
    decoder.end()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    work.leaveUnread(error.message)
  } finally {
    work.buffers.push(buffer)
  }
}

/** From this many bytes on, the runtime's copy is faster than a loop. */
const NATIVE_COPY_MIN = 40

/** Fills the buffer byte by byte. Writes its content when it is full, and when `flush` is called. */
export class Writer {
  readonly #write: Write
  readonly #buffer: Buffer
  #length = 0

  constructor(write: Write, buffer: Buffer) {
    this.#write = write
    this.#buffer = buffer
  }

  put(byte: number): void {
    if (this.#length === this.#buffer.length) this.flush()
    this.#buffer[this.#length++] = byte
  }

  putAll(bytes: Buffer, from: number, to: number): void {
    if (to - from < NATIVE_COPY_MIN) {
      for (let at = from; at < to; at++) this.put(bytes[at]!)
      return
    }
    for (let at = from; at < to; ) {
      if (this.#length === this.#buffer.length) this.flush()
      const copied = bytes.copy(this.#buffer, this.#length, at, to)
      this.#length += copied
      at += copied
    }
  }

  flush(): void {
    if (this.#length > 0) this.#write(this.#buffer, this.#length)
    this.#length = 0
  }
}

/** A decoder that handles one byte after the other. */
export abstract class ByteDecoder implements Decoder {
  protected readonly out: Writer

  constructor(write: Write, buffer: Buffer) {
    this.out = new Writer(write, buffer)
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) this.take(bytes[at]!)
    this.out.flush()
  }

  end(): void {
    this.finish()
    this.out.flush()
  }

  protected abstract take(byte: number): void

  /** Writes what waits for a next byte. */
  protected finish(): void {}
}

/** Upper limit for the bytes of a line that are passed on together: one, and groups of four. */
const LINE_MAX = BUFFER_SIZE + 1

/** Takes a line with its end. If `startsLine` is false, it is the rest of a long one. */
type TakeLine = (bytes: Buffer, from: number, to: number, startsLine: boolean) => void

/**
 * Passes each line on as a whole, with its end, from pieces of any size. A line of more than LINE_MAX bytes is passed
 * on in pieces: LINE_MAX bytes, and each time BUFFER_SIZE more. `ends` states what ends a line: LF alone, or also a
 * bare CR.
 */
export class WholeLines {
  readonly #take: TakeLine
  readonly #ends: 'lf' | 'any'
  #held: Buffer = Buffer.alloc(0)
  #startsLine = true

  constructor(take: TakeLine, ends: 'lf' | 'any' = 'lf') {
    this.#take = take
    this.#ends = ends
  }

  push(bytes: Buffer, from: number, to: number): void {
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to; ) {
      const end = lines[this.#ends](at)
      const last = bytes[end - 1]
      const isWhole = last === LF || (last === CR && this.#ends === 'any')
      while (at < end) {
        const room = (this.#startsLine ? LINE_MAX : BUFFER_SIZE) - this.#held.length
        const next = Math.min(end, at + room)
        const isComplete = next - at === room || (isWhole && next === end)
        if (isComplete && this.#held.length === 0) this.#take(bytes, at, next, this.#startsLine)
        else {
          this.#held = Buffer.concat([this.#held, bytes.subarray(at, next)])
          if (isComplete) this.end()
        }
        if (isComplete) this.#startsLine = isWhole && next === end
        at = next
      }
    }
  }

  /** Passes on the last line, if it has no end. */
  end(): void {
    const line = this.#held
    this.#held = Buffer.alloc(0)
    if (line.length > 0) this.#take(line, 0, line.length, this.#startsLine)
  }
}
