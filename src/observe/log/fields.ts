/** The most fields of a line that are read; our lines have some thirty. */
const FIELDS_MAX = 64

const BLANK = 0x20
const QUOTE = 0x22
const EQUALS = 0x3d
const BACKSLASH = 0x5c

/**
 * The fields `key=value` of a line of the log, as onescan-log(5) has them. One object reads line
 * after line. It notes the positions of fields as numbers, and makes text of those values alone
 * that are asked for: a report reads millions of lines and few of their values.
 */
export class LogFields {
  #bytes: Buffer = Buffer.alloc(0)
  #count = 0
  readonly #keyStart = new Int32Array(FIELDS_MAX)
  readonly #keyEnd = new Int32Array(FIELDS_MAX)
  readonly #start = new Int32Array(FIELDS_MAX)
  readonly #end = new Int32Array(FIELDS_MAX)
  /** 1 if the value has a backslash. */
  readonly #escaped = new Uint8Array(FIELDS_MAX)

  get count(): number {
    return this.#count
  }

  /**
   * Reads the fields from `at` to `end` of the bytes, which must not change until the next line is
   * read. A value in quotes ends at the closing quote, whatever is in it. If the closing quote is
   * missing, the line was cut, and the value is left out.
   */
  read(bytes: Buffer, at: number, end: number): void {
    this.#bytes = bytes
    this.#count = 0
    while (at < end && this.#count < FIELDS_MAX) {
      if (bytes[at] === BLANK) {
        at++
        continue
      }
      const keyStart = at
      while (at < end && bytes[at] !== EQUALS && bytes[at] !== BLANK) at++
      if (bytes[at] !== EQUALS || at >= end) continue // a word that is no field
      const keyEnd = at++
      let escaped = 0
      let start = at
      if (bytes[at] === QUOTE) {
        start = ++at
        for (; at < end && bytes[at] !== QUOTE; at++) {
          if (bytes[at] !== BACKSLASH) continue
          escaped = 1
          at++
        }
        if (at >= end) break
      } else {
        while (at < end && bytes[at] !== BLANK) at++
      }
      this.#note(keyStart, keyEnd, start, at, escaped)
      at++
    }
  }

  /** Returns the index of the first field of that name, which is ASCII; -1 if there is none. */
  find(name: string): number {
    for (let index = 0; index < this.#count; index++) {
      if (this.#is(name, this.#keyStart[index]!, this.#keyEnd[index]!)) return index
    }
    return -1
  }

  /** Whether a value, as it stands in the log, is this text. */
  valueIs(text: string, index: number): boolean {
    return this.#is(text, this.#start[index]!, this.#end[index]!)
  }

  /** Returns a value as it was before it was logged, in latin1. */
  value(index: number): string {
    const { start, end } = this.span(index)
    const text = this.#bytes.toString('latin1', start, end)
    return this.#escaped[index] === 1 ? unescapeValue(text) : text
  }

  key(index: number): string {
    return this.#bytes.toString('latin1', this.#keyStart[index]!, this.#keyEnd[index]!)
  }

  /** Returns the positions of a value in the bytes, without its quotes. */
  span(index: number): { readonly start: number; readonly end: number } {
    return { start: this.#start[index]!, end: this.#end[index]! }
  }

  #note(keyStart: number, keyEnd: number, start: number, end: number, escaped: number): void {
    this.#keyStart[this.#count] = keyStart
    this.#keyEnd[this.#count] = keyEnd
    this.#start[this.#count] = start
    this.#end[this.#count] = end
    this.#escaped[this.#count] = escaped
    this.#count++
  }

  #is(text: string, start: number, end: number): boolean {
    if (end - start !== text.length) return false
    for (let at = 0; at < text.length; at++) {
      if (this.#bytes[start + at] !== text.charCodeAt(at)) return false
    }
    return true
  }
}

/** Undoes the escapes that src/ground/errors/log.ts puts into a value. */
export function unescapeValue(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, hex?: string, character?: string) => {
    return hex === undefined ? character! : String.fromCharCode(Number.parseInt(hex, 16))
  })
}

/** Decodes a value as UTF-8, which addresses may be in (RFC 6531); other bytes stay latin1. */
export function decodeUtf8(value: string): string {
  if (/^[\0-\x7f]*$/.test(value)) return value
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}
