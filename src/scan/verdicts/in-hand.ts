import { readFileSync, writeSync } from 'node:fs'

/** The length of a fingerprint: SHA-256 in base64url. */
const ENTRY = 43
/** What is written over the beginning of an entry when the scan is over. */
const OVER = Buffer.alloc(1)

/**
 * The fingerprints of the messages that a process is having scanned, in a file. The first process reads
 * it when this one has died: of one of these messages, perhaps. A message to the first process would wait
 * for the event loop, which a message may keep busy for ever; writing takes some microseconds. What cannot
 * be written is lost: mail does not wait for it.
 */
export class InHand {
  readonly #fd: number
  readonly #free: number[] = []
  #entries = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Notes that the scan of a message begins. Call the returned function when it is over. */
  begin(fingerprint: string): () => void {
    const place = this.#free.pop() ?? this.#entries++
    this.#write(Buffer.from(fingerprint, 'latin1'), place)
    return () => {
      this.#write(OVER, place)
      this.#free.push(place)
    }
  }

  #write(bytes: Buffer, place: number): void {
    try {
      writeSync(this.#fd, bytes, 0, bytes.length, place * ENTRY)
    } catch {
      // The disk is full.
    }
  }
}

/** Reads what a process that has ended had in hand. */
export function readInHand(fd: number): string[] {
  const text = readFileSync(fd, 'latin1')
  const entries = Array.from({ length: text.length / ENTRY }, (_, n) =>
    text.slice(n * ENTRY, (n + 1) * ENTRY),
  )
  return entries.filter((entry) => !entry.startsWith('\0'))
}
