import { closeSync, openSync, readSync } from 'node:fs'

/** An open constant database, cdb(5) of D. J. Bernstein. */
export interface Cdb {
  /** The value of the key; undefined if there is none. Throws if the file is damaged. */
  find(key: Buffer): Buffer | undefined
  close(): void
}

/** 256 pairs of a table's position and its number of slots, 32 bits each, little-endian. */
const HEADER_BYTES = 2048
const PAIR_BYTES = 8
/** Longest record that tcprules(1) makes. */
const VALUE_MAX = 64 * 1024

/**
 * Opens the file. Each question reads only the places that it leads to, so the file may be of any
 * size, and one that is replaced meanwhile is still read to the end of the question. Throws the
 * error of open(2).
 */
export function openCdb(file: string): Cdb {
  const fd = openSync(file, 'r')
  const read = (at: number, length: number) => {
    const bytes = Buffer.alloc(length)
    for (let done = 0; done < length; ) {
      const count = readSync(fd, bytes, done, length - done, at + done)
      if (count === 0) throw new Error('is damaged: it ends too early; make it again with tcprules')
      done += count
    }
    return bytes
  }
  const readPair = (at: number): [number, number] => {
    const bytes = read(at, PAIR_BYTES)
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
  }

  return {
    find(key) {
      const hash = hashOf(key)
      const [table, slots] = readPair((hash & 255) * PAIR_BYTES)
      if (slots === 0) return undefined
      if (table < HEADER_BYTES) throw new Error('is no cdb; make it with tcprules')
      const first = (hash >>> 8) % slots
      for (let step = 0; step < slots; step++) {
        const [slotHash, record] = readPair(table + ((first + step) % slots) * PAIR_BYTES)
        if (record === 0) return undefined
        if (slotHash !== hash) continue
        const [keyLength, valueLength] = readPair(record)
        if (keyLength !== key.length) continue
        if (valueLength > VALUE_MAX) throw new Error('is damaged; make it again with tcprules')
        const found = read(record + PAIR_BYTES, keyLength + valueLength)
        if (found.subarray(0, keyLength).equals(key)) return found.subarray(keyLength)
      }
      return undefined
    },
    close: () => closeSync(fd),
  }
}

function hashOf(key: Buffer): number {
  let hash = 5381
  for (const byte of key) hash = (((hash << 5) + hash) ^ byte) >>> 0
  return hash
}
