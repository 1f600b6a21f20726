import { readUptime } from '../../../../base/flow/uptime.ts'

/** Milliseconds for which a server counts as a scanner after it has found the test virus. */
const COUNTS_FOR = 75_000 // the first process tests each server every minute, in rounds of 15 seconds

/** Whether a server has just found the EICAR test virus. */
export interface CanaryEvent {
  readonly kind: 'canary'
  /** The server, as CLAMD has it. */
  readonly server: string
  readonly isFound: boolean
}

/**
 * The servers that have found the EICAR test virus within the last minute, and since their last connection broke. Only
 * these count as scanners: a clamd without signatures, or a program that merely replies, calls all mail clean.
 */
export class Canaries {
  /** The time of the last test that found it, for each server. */
  readonly #found = new Map<string, number>()
  readonly #uptime: () => number

  constructor({ uptime = readUptime }: { readonly uptime?: () => number } = {}) {
    this.#uptime = uptime
  }

  record({ server, isFound }: CanaryEvent): void {
    if (isFound) this.#found.set(server, this.#uptime())
    else this.#found.delete(server)
  }

  /** Another server may listen at this address now. */
  forget(server: string): void {
    this.#found.delete(server)
  }

  countsAsScanner(server: string): boolean {
    const found = this.#found.get(server)
    return found !== undefined && this.#uptime() - found < COUNTS_FOR
  }
}
