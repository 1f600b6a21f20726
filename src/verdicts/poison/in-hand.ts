import { readSync, writeSync } from 'node:fs'

/** A message that a process is having scanned. */
export interface InHand {
  /** The exact fingerprint of the message. */
  readonly fingerprint: string
  /** What the message may have in common with others (common-marks.ts). */
  readonly marks: readonly string[]
}

/** Bytes of a note: one that says what it is, two with the length of its text, and the text. */
const ENTRY = 512
const HEAD = 3
const COUNTS = 1
/** The first note is not a message, but the number of logged lines. */
const LOGGED = 2
/** What is written over a note when the scan is over. */
const OVER = Buffer.alloc(1)

/**
 * The notes of what a process has in hand, in a file that another process reads when this one cannot
 * speak any more: in a busy loop, stopped or killed. So a note is written at once, before the scan begins;
 * that takes some microseconds. (A message to the other process would wait for the event loop.) Nobody
 * else writes to the file. A note that cannot be written is lost: mail does not wait for it.
 */
export class InHandNotes {
  readonly #fd: number
  readonly #free: number[] = []
  #entries = 1
  readonly #entry = Buffer.alloc(ENTRY)

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Notes that the scan of a message begins. Call the returned function when it is over. */
  note({ fingerprint, marks }: InHand): () => void {
    const place = this.#free.pop() ?? this.#entries++
    const text = [fingerprint, ...marks].join('\n')
    const entry = this.#entry
    const length = entry.write(text, HEAD, 'utf8')
    entry[0] = COUNTS
    entry.writeUInt16LE(length, 1)
    write(this.#fd, entry.subarray(0, HEAD + length), place * ENTRY)
    return () => {
      write(this.#fd, OVER, place * ENTRY)
      this.#free.push(place)
    }
  }

  /** Notes how many lines about mail this process has logged since it began. */
  logged(lines: number): void {
    const logged = Buffer.alloc(HEAD + 4)
    logged[0] = LOGGED
    logged.writeUInt32LE(lines % 0x1_0000_0000, HEAD)
    write(this.#fd, logged, 0)
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
    const [fingerprint = '', ...marks] = entry.toString('utf8', HEAD, HEAD + length).split('\n')
    found.push({ fingerprint, marks })
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
