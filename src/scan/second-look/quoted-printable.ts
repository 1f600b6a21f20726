const EQUALS = 0x3d
const LF = 0x0a
const CR = 0x0d

const NOTHING = Buffer.alloc(0)

/** Characters behind a `=` that are held until it is clear what it is. */
const HELD_MAX = 100

/** Bytes of what comes by which what was held is completed. */
const COMPLETED_BY = 1024

/** Bytes that are looked at one by one before the next `=` is searched for. */
const NEAR = 32

const hex = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  hex[digit.charCodeAt(0)] = value
  hex[digit.toUpperCase().charCodeAt(0)] = value
}

export interface QuotedPrintableDecoder {
  /** Takes `bytes` from `from` to `to`, in any split. */
  push(bytes: Buffer, from: number, to: number): void
  /** What was held is text. */
  end(): void
}

export interface QuotedPrintableListener {
  /** Decoded bytes, valid until the call returns. Nothing is given before `changed`. */
  bytes(decoded: Buffer): void
  /** Before the first byte that differs, with how many came before it as they stood. */
  changed(before: number): void
  /** A `=` stands here that is no escape and no soft line break. */
  strange(): void
}

/**
 * Undoes quoted-printable (RFC 2045 6.7) as the most patient readers do: hexadecimal
 * digits in either case, a soft line break with blanks behind its `=` and any line end.
 * What is no escape stays as it is or, with `dropStrange`, loses its `=` and blanks behind.
 * With `breaksAlone` soft line breaks are all that is undone. `room` is where decoded bytes
 * are until they were given: memory of this message alone, that nobody else uses meanwhile.
 */
export function createQuotedPrintableDecoder(
  listener: QuotedPrintableListener,
  room: Buffer,
  { dropStrange = false, breaksAlone = false } = {},
): QuotedPrintableDecoder {
  let held: Buffer = NOTHING
  let seen = 0 // bytes before what is looked at
  let differs = false

  const differ = (at: number) => {
    if (differs) return
    differs = true
    listener.changed(seen + at)
  }

  function decode(bytes: Buffer, last: boolean): void {
    let length = 0
    let at = 0
    while (at < bytes.length) {
      const near = Math.min(bytes.length, at + NEAR)
      while (at < near && bytes[at] !== EQUALS) room[length++] = bytes[at++]!
      if (at === near && at < bytes.length) {
        let equals = bytes.indexOf(EQUALS, at)
        if (equals < 0) equals = bytes.length
        length += bytes.copy(room, length, at, equals)
        at = equals
      }
      if (at === bytes.length) break
      const high = hex[bytes[at + 1] ?? 0]!
      const low = hex[bytes[at + 2] ?? 0]!
      if (high >= 0 && low >= 0 && !breaksAlone) {
        if (!differs) {
          differ(at)
          length = 0
        }
        room[length++] = high * 16 + low
        at += 3
        continue
      }
      let end = at + 1
      while (end < bytes.length && isBlank(bytes[end]!)) end++
      const incomplete = end === bytes.length || (high >= 0 && at + 2 === bytes.length)
      if (incomplete && !last && bytes.length - at <= HELD_MAX) break
      const lf = bytes[end] === LF
      if (lf || (bytes[end - 1] === CR && end > at + 1)) {
        if (!differs) {
          differ(at)
          length = 0
        }
        at = lf ? end + 1 : end
        continue
      }
      listener.strange()
      if (dropStrange) {
        if (!differs) {
          differ(at)
          length = 0
        }
        at = end
        continue
      }
      room[length++] = EQUALS
      at++
    }
    if (differs && length > 0) listener.bytes(room.subarray(0, length))
    seen += at
    held = at < bytes.length ? Buffer.from(bytes.subarray(at)) : NOTHING
  }

  return {
    push(bytes, from, to) {
      for (let at = from; at < to; ) {
        const end = Math.min(to, at + (held.length > 0 ? COMPLETED_BY : room.length))
        const piece = bytes.subarray(at, end)
        decode(held.length > 0 ? Buffer.concat([held, piece]) : piece, false)
        at = end
      }
    },
    end() {
      decode(held, true)
    },
  }
}

/** Blanks, and what some take for one. */
function isBlank(byte: number): boolean {
  return (
    byte === 0x20 || byte === 0x09 || byte === CR || byte === 0 || byte === 0x0b || byte === 0x0c
  )
}
