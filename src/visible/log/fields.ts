/** Fields of a line that are looked at; ours have some thirty. */
const FIELDS_MAX = 64

const BLANK = 0x20
const QUOTE = 0x22
const EQUALS = 0x3d
const BACKSLASH = 0x5c

/** Where the fields of one line stand in its bytes; made once and filled for line after line. */
export interface FieldTable {
  count: number
  /** By `keyHash`. */
  readonly keys: Int32Array
  readonly keyStart: Int32Array
  readonly start: Int32Array
  readonly end: Int32Array
  /** 1 where the value has a backslash. */
  readonly escaped: Uint8Array
}

export function createFieldTable(): FieldTable {
  const numbers = () => new Int32Array(FIELDS_MAX)
  return {
    count: 0,
    keys: numbers(),
    keyStart: numbers(),
    start: numbers(),
    end: numbers(),
    escaped: new Uint8Array(FIELDS_MAX),
  }
}

/** What `readFields` files a key under. The programs write the keys, so none is made to collide. */
export function keyHash(key: string): number {
  let hash = 0
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  return hash
}

/**
 * Finds the fields `key=value` of onescan-queue(8), LOG, from `at` to `end`. A value that
 * stands in quotes ends at the quote, whatever is in it; one whose quote is missing was cut,
 * and is left out.
 */
export function readFields(bytes: Buffer, at: number, end: number, table: FieldTable): void {
  let count = 0
  while (at < end && count < FIELDS_MAX) {
    if (bytes[at] === BLANK) {
      at++
      continue
    }
    const keyStart = at
    let hash = 0
    let byte = 0
    for (; at < end; at++) {
      byte = bytes[at]!
      if (byte === EQUALS || byte === BLANK) break
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (byte !== EQUALS || at === end) continue // a word that is no field
    at++
    let escaped = 0
    let start = at
    if (bytes[at] === QUOTE) {
      start = ++at
      for (; at < end; at++) {
        byte = bytes[at]!
        if (byte === QUOTE) break
        if (byte === BACKSLASH) {
          escaped = 1
          at++
        }
      }
      if (at >= end) break
    } else {
      while (at < end && bytes[at] !== BLANK) at++
    }
    table.keys[count] = hash
    table.keyStart[count] = keyStart
    table.start[count] = start
    table.end[count] = at
    table.escaped[count] = escaped
    count++
    at++
  }
  table.count = count
}

/** The index of the first field of that key, or -1. */
export function findField({ count, keys }: FieldTable, hash: number): number {
  for (let index = 0; index < count; index++) if (keys[index] === hash) return index
  return -1
}

/** The value as it was before it was logged; latin1. */
export function fieldValue(bytes: Buffer, table: FieldTable, index: number): string {
  const text = bytes.toString('latin1', table.start[index]!, table.end[index]!)
  return table.escaped[index] === 1 ? unescaped(text) : text
}

export function fieldKey(bytes: Buffer, table: FieldTable, index: number): string {
  const start = table.keyStart[index]!
  return bytes.toString('latin1', start, bytes.indexOf(EQUALS, start))
}

/** The inverse of what src/runtime/log.ts does to a value. */
export function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, hex?: string, character?: string) => {
    return hex === undefined ? character! : String.fromCharCode(Number.parseInt(hex, 16))
  })
}

/** Addresses may be UTF-8 (RFC 6531); what is none stays latin1, a character a byte. */
export function decoded(value: string): string {
  if (/^[\0-\x7f]*$/.test(value)) return value
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}
