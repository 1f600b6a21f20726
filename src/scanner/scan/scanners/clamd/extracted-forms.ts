import { readUptime } from '../../../../base/flow/uptime.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { socketCreatedAt } from './versions.ts'

/** Milliseconds for which an event counts: between two and three rounds of the first process. */
const HOLDS_FOR = 40_000

/** Whether a server was shown to extract the parts of ordinary mail, as the first process has tried it. */
export interface ExtractionEvent {
  readonly kind: 'extracts'
  /** The server, as CLAMD has it. */
  readonly server: string
  /** Its answer to VERSION then, and when its socket was made (versions.ts). */
  readonly version?: string
  readonly made?: number | undefined
  /** Whether it extracts each form, and reports its limits. False if it was not tried since it was started. */
  readonly isShown: boolean
}

/**
 * The number of messages that need this knowledge before servers are checked again for free space. That costs
 * clamd as much as some 40 questions (120 ms where each of them takes 3 ms), so that it pays only if there is
 * mail.
 */
const ASKED_PER_STREAM = 50

/** Mail could be left to servers: they must be checked for free space. */
export interface WantedEvent {
  readonly kind: 'wanted'
}

/** A server, and its last answer to VERSION, if it gave one. */
interface AskedServer {
  readonly address: ClamdAddress
  readonly version: string | undefined
  /** The newest connection that has ended a conversation, if there was one. */
  readonly newestConnection?: object | undefined
}

/** What is known of a server. */
interface KnownServer extends ExtractionEvent {
  readonly since: number
  /** Its newest connection when its socket was last seen to be the one that was tried. */
  seenWith?: object | undefined
}

/**
 * The servers that extract the parts of all forms from mail themselves, as tests have shown. A connection that breaks,
 * another socket or another version mean that another one may listen there: then nothing is known until the
 * next event.
 */
export class ExtractedForms {
  readonly #servers = new Map<string, KnownServer>()
  readonly #uptime: () => number
  readonly #notify: (event: WantedEvent) => void
  /** The number of messages that have needed it since the last event. */
  #asked = 0
  #omitted = 0

  /** `notify` receives an event for the other processes when servers must be checked for free space. */
  constructor({
    uptime = readUptime,
    notify = () => {},
  }: {
    readonly uptime?: () => number
    readonly notify?: (event: WantedEvent) => void
  } = {}) {
    this.#uptime = uptime
    this.#notify = notify
  }

  record(event: ExtractionEvent): void {
    this.#asked = 0
    if (event.isShown) this.#servers.set(event.server, { ...event, since: this.#uptime() })
    else this.#servers.delete(event.server)
  }

  /** Whether enough messages have needed it since the last event, here or in another process. */
  get isWanted(): boolean {
    return this.#asked >= ASKED_PER_STREAM
  }

  /** Notes that enough messages have needed it in another process. */
  want(): void {
    this.#asked = ASKED_PER_STREAM
  }

  /** The number of parts that were omitted, since the scan of the whole has them. */
  get omitted(): number {
    return this.#omitted
  }

  countOmitted(parts: number): void {
    this.#omitted += parts
  }

  forget(server: string): void {
    this.#servers.delete(server)
  }

  /**
   * Whether all of these servers were shown to extract the parts of ordinary mail. Whether a server was started again
   * meanwhile is known only by `stillHolds`.
   */
  holdsFor(servers: readonly AskedServer[]): boolean {
    if (++this.#asked === ASKED_PER_STREAM) this.#notify({ kind: 'wanted' })
    return this.#areKnown(servers)
  }

  /**
   * Resolves to whether these servers, as they run now, were shown to extract them. Only mail that depends on it
   * asks, after its scan: each server's socket is looked at, which takes as long as a tenth of a scan. Once is enough
   * for all scans over the same connections, since one that stays open leads to the same clamd.
   */
  async stillHolds(servers: readonly AskedServer[]): Promise<boolean> {
    for (const server of servers) {
      const known = this.#servers.get(server.address.text)
      if (known && !(await isAtSocket(known, server))) this.forget(server.address.text)
    }
    return this.#areKnown(servers)
  }

  #areKnown(servers: readonly AskedServer[]): boolean {
    return servers.every(({ address, version }) => {
      const known = this.#servers.get(address.text)
      if (known === undefined || this.#uptime() - known.since >= HOLDS_FOR) return false
      return version === undefined || version.startsWith(known.version ?? '')
    })
  }
}

/** Resolves to whether the scans until now were made by the server that was tried. */
async function isAtSocket(
  known: KnownServer,
  { address, newestConnection }: AskedServer,
): Promise<boolean> {
  if (newestConnection !== undefined && known.seenWith === newestConnection) return true
  const made = await socketCreatedAt(address)
  // A socket that could not be looked at may be that of another clamd.
  if (made !== known.made || (made === undefined && address.kind === 'unix')) return false
  known.seenWith = newestConnection
  return true
}
