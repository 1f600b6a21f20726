import { readSync, writeSync } from 'node:fs'

/** A message that a process is having scanned. */
export interface InHand {
  /** Its exact fingerprint. */
  readonly fingerprint: Buffer
  /** What it may have in common with others: common-marks.ts. */
  readonly marks: readonly string[]
}

/** What a process has in hand, for others to read if it comes to a sudden end. */
export interface InHandNotes {
  /** Call what is returned when the scan is over. */
  note(message: InHand): () => void
  /** Notes how many lines about mail this process has logged since it began. */
  logged(lines: number): void
}

/** Bytes of an entry: a byte that says whether it counts, the length of its text, and the text. */
const ENTRY = 512
const HEAD = 3
const COUNTS = 1
/** The first entry is no message but the number of logged lines. */
const LOGGED = 2

/**
 * Keeps the notes in a file that another process reads when this one cannot speak any more: held
 * in a loop, stopped or killed. So they are written at once and before the scan begins, which
 * takes some microseconds; in a channel they would wait for the loop. The file is this process's
 * alone. What cannot be written is not known later: mail does not wait for it.
 */
export function keepNotes(fd: number): InHandNotes {
  const free: number[] = []
  let entries = 1
  const logged = Buffer.alloc(HEAD + 4)
  logged[0] = LOGGED
  const entry = Buffer.alloc(ENTRY)
  const over = Buffer.alloc(1)
  return {
    note({ fingerprint, marks }) {
      const at = (free.pop() ?? entries++) * ENTRY
      const text = [fingerprint.toString('base64'), ...marks].join('\n')
      const length = entry.write(text, HEAD, 'utf8')
      entry[0] = COUNTS
      entry.writeUInt16LE(length, 1)
      write(fd, entry.subarray(0, HEAD + length), at)
      return () => {
        write(fd, over, at)
        free.push(at / ENTRY)
      }
    },
    logged(lines) {
      logged.writeUInt32LE(lines % 0x1_0000_0000, HEAD)
      write(fd, logged, 0)
    },
  }
}

/** Reads the notes of a process that has ended. */
export function readNotes(fd: number): { readonly inHand: InHand[]; readonly logged: number } {
  const found: InHand[] = []
  let logged = 0
  const entry = Buffer.alloc(ENTRY)
  for (let at = 0; readSync(fd, entry, 0, ENTRY, at) > 0; at += ENTRY) {
    if (entry[0] === LOGGED) logged = entry.readUInt32LE(HEAD)
    if (entry[0] !== COUNTS) continue
    const length = Math.min(entry.readUInt16LE(1), ENTRY - HEAD)
    const [of = '', ...marks] = entry.toString('utf8', HEAD, HEAD + length).split('\n')
    found.push({ fingerprint: Buffer.from(of, 'base64'), marks })
  }
  return { inHand: found, logged }
}

function write(fd: number, bytes: Buffer, at: number): void {
  try {
    writeSync(fd, bytes, 0, bytes.length, at)
  } catch {
    // The disk is full.
  }
}
