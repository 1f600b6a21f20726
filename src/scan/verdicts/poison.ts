import { readFileSync, writeSync } from 'node:fs'
import { LRUCache } from 'lru-cache'

/** A message that was in hand at so many deaths of scanners is left alone. */
export const DEATHS_MAX = 3
/** Milliseconds for which a death counts, and for which the message is left alone after the last one. */
export const COUNTED_FOR = 3600 * 1000
/** Most messages that are counted. The one whose last death is longest ago makes room. */
const MESSAGES_MAX = 1000

/** What a process tells the others of its host: a message was in hand at so many deaths. */
export interface PoisonEvent {
  readonly is: 'died'
  readonly fingerprint: string
  readonly deaths: number
  /** Milliseconds for which that counts. */
  readonly within: number
}

/**
 * Counts at how many deaths of scanners a message was in hand, by its exact fingerprint. A death counts
 * for each message that was there: nobody knows which of them was the reason. So an innocent message
 * may be left alone, too, for no more than an hour. Other hosts never hear of it.
 */
export class Poison {
  readonly #deaths: LRUCache<string, number>
  readonly #tell: (event: PoisonEvent) => void

  /** `tell` takes what the other processes are to hear; `uptime` is in milliseconds. */
  constructor(tell: (event: PoisonEvent) => void = () => {}, uptime = () => performance.now()) {
    this.#deaths = new LRUCache({
      max: MESSAGES_MAX,
      ttl: COUNTED_FOR,
      ttlResolution: 0,
      perf: { now: uptime },
    })
    this.#tell = tell
  }

  /** At how many deaths the message was there, each within an hour of the one before. */
  deathsOf(fingerprint: string): number {
    return this.#deaths.get(fingerprint) ?? 0
  }

  /** Milliseconds for which the message is not to be scanned; undefined if it may be. */
  leftAloneFor(fingerprint: string): number | undefined {
    if (this.deathsOf(fingerprint) < DEATHS_MAX) return undefined
    return this.#deaths.getRemainingTTL(fingerprint)
  }

  /**
   * Notes that a scanner died while it had the message. `before` is the count from when the scan began: of
   * two copies that were there at the same death, one counts. Returns the number of deaths.
   */
  died(fingerprint: string, before: number = this.deathsOf(fingerprint)): number {
    const deaths = Math.max(before + 1, this.deathsOf(fingerprint))
    this.#deaths.set(fingerprint, deaths)
    this.#tell({ is: 'died', fingerprint, deaths, within: COUNTED_FOR })
    return deaths
  }

  /** Takes what another process of the host told. */
  hear({ fingerprint, deaths, within }: PoisonEvent): void {
    this.#deaths.set(fingerprint, Math.max(deaths, this.deathsOf(fingerprint)), { ttl: within })
  }

  /** All that a new process must hear. */
  retell(): PoisonEvent[] {
    const counted = [...this.#deaths.entries()].reverse() // the latest of them last
    return counted.map(([fingerprint, deaths]) => {
      const within = this.#deaths.getRemainingTTL(fingerprint)
      return { is: 'died', fingerprint, deaths, within }
    })
  }
}

/** The length of a fingerprint: SHA-256 in base64url. */
const ENTRY = 43
/** What is written over the beginning of an entry when the scan is over. */
const OVER = Buffer.alloc(1)

/**
 * The fingerprints of the messages that a process is having scanned, in a file. When this process
 * has died, perhaps of one of these messages, the first process reads the file. A message to the
 * first process would wait for the event loop, which a message may keep busy for ever; writing
 * takes some microseconds. What cannot be written is lost: mail does not wait for it.
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

  /** Reads what a process that has ended had in hand. */
  static read(fd: number): string[] {
    const text = readFileSync(fd, 'latin1')
    const entries = Array.from({ length: text.length / ENTRY }, (_, n) =>
      text.slice(n * ENTRY, (n + 1) * ENTRY),
    )
    return entries.filter((entry) => !entry.startsWith('\0'))
  }

  #write(bytes: Buffer, place: number): void {
    try {
      writeSync(this.#fd, bytes, 0, bytes.length, place * ENTRY)
    } catch {
      // The disk is full.
    }
  }
}
