import { LRUCache } from 'lru-cache'
import { readUptime } from '../../../base/flow/uptime.ts'

/** A message in progress at this number of deaths of scanners is not scanned for a while. */
export const DEATHS_MAX = 3
/** Milliseconds for which a death counts, and for which the message is left alone after the last one. */
const COUNTED_FOR = 3600 * 1000
/** Upper limit for the counted messages. A new one replaces the one whose last death is longest ago. */
const MESSAGES_MAX = 1000

/** The events about a message that a process sends to the others on its host. */
export type PoisonEvent =
  | {
      /**
       * The scanner died this number of times while it scanned this message alone, or 0 if other messages
       * were being scanned as well.
       */
      readonly kind: 'died'
      readonly fingerprint: string
      readonly deaths: number
      /** Milliseconds for which that counts. */
      readonly within: number
    }
  /** It was scanned alone, and nothing died. */
  | { readonly kind: 'passed'; readonly fingerprint: string }

/**
 * Counts the deaths of scanners for each message in progress, by its exact fingerprint. A death counts if the
 * message was scanned alone. If several messages were in progress, any of them may be the cause: all become
 * suspects, and each is scanned alone when it arrives again (suspect-gate.ts). Events are not sent to
 * other hosts.
 */
export class Poison {
  /** The number of deaths by message, or 0 for a message that is only a suspect. */
  readonly #deaths: LRUCache<string, number>
  readonly #notify: (event: PoisonEvent) => void

  /** `notify` receives the events for the other processes. `uptime` is in milliseconds. */
  constructor(notify: (event: PoisonEvent) => void = () => {}, uptime = readUptime) {
    this.#deaths = new LRUCache({
      max: MESSAGES_MAX,
      ttl: COUNTED_FOR,
      ttlResolution: 0,
      perf: { now: uptime },
    })
    this.#notify = notify
  }

  /** Returns whether the message must be scanned alone. */
  isSuspect(fingerprint: string): boolean {
    return this.#deaths.has(fingerprint)
  }

  /** Returns the number of deaths at which the message was scanned alone, each within an hour of the one before. */
  deathsOf(fingerprint: string): number {
    return this.#deaths.get(fingerprint) ?? 0
  }

  /** Returns the milliseconds for which the message must not be scanned, or undefined if it may be. */
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
    this.#note(fingerprint, deaths)
    return deaths
  }

  /** Notes that a scanner died while it had the message and others. */
  diedWithOthers(fingerprint: string): void {
    this.#note(fingerprint, this.deathsOf(fingerprint))
  }

  /** Notes that the message was scanned, and nothing died. What was counted before still counts. */
  passed(fingerprint: string): void {
    if (this.#deaths.get(fingerprint) !== 0) return
    this.#deaths.delete(fingerprint)
    this.#notify({ kind: 'passed', fingerprint })
  }

  #note(fingerprint: string, deaths: number): void {
    this.#deaths.set(fingerprint, deaths)
    this.#notify({ kind: 'died', fingerprint, deaths, within: COUNTED_FOR })
  }

  /** Handles an event of another process of the host. */
  receive(event: PoisonEvent): void {
    const { fingerprint } = event
    const before = this.deathsOf(fingerprint)
    if (event.kind === 'died') {
      this.#deaths.set(fingerprint, Math.max(event.deaths, before), { ttl: event.within })
    } else if (before === 0) this.#deaths.delete(fingerprint)
  }

  /** Returns all events that a new process needs. */
  allEvents(): Extract<PoisonEvent, { kind: 'died' }>[] {
    const counted = [...this.#deaths.entries()].reverse() // the latest of them last
    return counted.map(([fingerprint, deaths]) => {
      const within = this.#deaths.getRemainingTTL(fingerprint)
      return { kind: 'died', fingerprint, deaths, within }
    })
  }
}
