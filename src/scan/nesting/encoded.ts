import { beginsAsMail, type Decode } from './decoding.ts'

/** What takes the bytes of a message. */
export interface Reading {
  push(bytes: Buffer): void
  readonly isSettled: boolean
  end(): void
}

/** A reading of what encoded bytes mean. */
export function readDecoded(decode: Decode, reading: Reading): Reading {
  return {
    push(bytes) {
      for (const piece of decode(bytes)) {
        if (reading.isSettled) return
        reading.push(piece)
      }
    },
    get isSettled() {
      return reading.isSettled
    },
    end: () => reading.end(),
  }
}

/** Bytes that are decoded at a time until it is told what they are. */
const STEP = 1024

/** The same of a file that is read if it holds mail, which its first bytes tell. */
export function readDecodedMail(decode: Decode, open: () => Reading): Reading {
  let start: Buffer = Buffer.alloc(0)
  let reading: Reading | undefined
  let isOther = false

  /** Returns how many bytes it took. */
  function look(bytes: Buffer): number {
    const taken = bytes.subarray(0, STEP)
    start = Buffer.concat([start, ...decode(taken)])
    const isMail = beginsAsMail(start)
    if (isMail) {
      reading = open()
      reading.push(start)
    }
    isOther = isMail === false
    return taken.length
  }

  return {
    push(bytes) {
      let at = 0
      while (at < bytes.length && !reading && !isOther) at += look(bytes.subarray(at))
      if (!reading || at === bytes.length) return
      for (const piece of decode(bytes.subarray(at))) {
        if (reading.isSettled) return
        reading.push(piece)
      }
    },
    get isSettled() {
      return isOther || (reading?.isSettled ?? false)
    },
    end: () => reading?.end(),
  }
}
