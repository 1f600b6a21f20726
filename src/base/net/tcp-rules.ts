import { closeSync, openSync, readSync } from 'node:fs'
import { NUL } from '../bytes/ascii.ts'

/** The result of a tcprules(1) rule for the clients of an address or name. */
export interface TcpRule {
  readonly isDenied: boolean
  /** Names and values, in the order of the rule. */
  readonly variables: readonly (readonly [name: string, value: string])[]
}

const DENY = 0x44 // D
const SET = 0x2b // +

/**
 * Parses a rule as tcprules(1) writes it: pieces that each end in a NUL. `D` denies, and
 * `+NAME=VALUE` sets a variable. Other pieces are passed over, as by tcpserver.
 */
export function parseTcpRule(data: Buffer): TcpRule {
  let isDenied = false
  const variables: [string, string][] = []
  for (let at = 0, end = data.indexOf(NUL); end >= 0; at = end + 1, end = data.indexOf(NUL, at)) {
    const equals = data.indexOf('=', at)
    if (data[at] === DENY) isDenied = true
    if (data[at] === SET && equals >= 0 && equals < end) {
      variables.push([
        data.toString('utf8', at + 1, equals),
        data.toString('utf8', equals + 1, end),
      ])
    }
  }
  return { isDenied, variables }
}

interface CdbRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/** Reads exactly that many bytes at an offset, or throws. */
type ReadAt = (offset: number, length: number) => Buffer

/** 256 pairs: the position of a hash table and its number of slots, 32 bits each, little-endian. */
const HEADER_BYTES = 2048
const PAIR_BYTES = 8
/** The longest key or value that tcprules(1) writes. */
const LENGTH_MAX = 64 * 1024

/** A constant database, cdb(5) of D. J. Bernstein. Its methods throw if it is damaged. */
export class Cdb {
  readonly #readAt: ReadAt

  private constructor(readAt: ReadAt) {
    this.#readAt = readAt
  }

  /**
   * Opens the file, and returns the result of `use`. Each query reads only the bytes that it needs,
   * so the file may be of any size. A query that has begun reads the old file to its end, even if
   * the file is replaced meanwhile. Throws the error of open(2).
   */
  static withFile<Result>(file: string, use: (cdb: Cdb) => Result): Result {
    const fd = openSync(file, 'r')
    const readAt: ReadAt = (offset, length) => {
      const bytes = Buffer.alloc(length)
      for (let done = 0; done < length; ) {
        const count = readSync(fd, bytes, done, length - done, offset + done)
        if (count === 0) throw endsTooEarly()
        done += count
      }
      return bytes
    }
    try {
      return use(new Cdb(readAt))
    } finally {
      closeSync(fd)
    }
  }

  /** Reads a database that is in memory already. */
  static in(file: Buffer): Cdb {
    return new Cdb((offset, length) => {
      if (offset + length > file.length) throw endsTooEarly()
      return file.subarray(offset, offset + length)
    })
  }

  /** Returns the value of the key, or undefined if there is none. */
  find(key: Buffer): Buffer | undefined {
    const hash = hashOf(key)
    const [table, slots] = this.#readPair((hash & 255) * PAIR_BYTES)
    if (slots > 0 && table < HEADER_BYTES) throw notTcprules()
    const first = (hash >>> 8) % slots
    for (let step = 0; step < slots; step++) {
      const slot = table + ((first + step) % slots) * PAIR_BYTES
      const [slotHash, offset] = this.#readPair(slot)
      if (offset === 0) return undefined
      if (slotHash !== hash) continue
      const record = this.#readRecord(offset)
      if (record.key.equals(key)) return record.value
    }
    return undefined
  }

  /** All records, in the order in which they were written. */
  *records(): Generator<CdbRecord> {
    const header = this.#readAt(0, HEADER_BYTES)
    let end = Number.POSITIVE_INFINITY // the first hash table follows the last record
    for (let pair = 0; pair < HEADER_BYTES; pair += PAIR_BYTES) {
      end = Math.min(end, header.readUInt32LE(pair))
    }
    if (end < HEADER_BYTES) throw notTcprules()
    for (let offset = HEADER_BYTES; offset < end; ) {
      const record = this.#readRecord(offset)
      yield record
      offset += PAIR_BYTES + record.key.length + record.value.length
    }
  }

  #readPair(offset: number): [number, number] {
    const bytes = this.#readAt(offset, PAIR_BYTES)
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
  }

  #readRecord(offset: number): CdbRecord {
    const [keyLength, valueLength] = this.#readPair(offset)
    if (Math.max(keyLength, valueLength) > LENGTH_MAX) throw notTcprules()
    const bytes = this.#readAt(offset + PAIR_BYTES, keyLength + valueLength)
    return { key: bytes.subarray(0, keyLength), value: bytes.subarray(keyLength) }
  }
}

function notTcprules(): Error {
  return new Error('is not a cdb of tcprules')
}

function endsTooEarly(): Error {
  return new Error('is not a cdb: it ends too early')
}

function hashOf(key: Buffer): number {
  let hash = 5381
  for (const byte of key) hash = (((hash << 5) + hash) ^ byte) >>> 0
  return hash
}
