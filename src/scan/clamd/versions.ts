import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { areAtLeastAsNew } from '../shared/signatures.ts'

/** Milliseconds for which an answer holds: a database that is loaded meanwhile can only be newer. */
const BELIEVED_FOR = 10_000
/** Milliseconds after which servers are asked again, while nobody waits. */
const ASKED_AGAIN_AFTER = 5_000
/** Milliseconds that messages wait for one round of answers. */
export const PATIENCE = 250

/** Milliseconds after which a silent server is reported. */
export const SILENCE_MAX = 1_000

export interface VersionsOptions<Server> {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime?: () => number
  /** Called with a server that is silent for SILENCE_MAX: it loads a database, or is overloaded. */
  readonly silent?: (server: Server) => unknown
}

/** A round of questions that is under way. */
interface Asking {
  readonly since: number
  readonly done: Promise<void>
}

/** Asks servers for their signatures (VERSION, clamd(8)) as long as somebody wants to know them. */
export class Versions<Server> {
  readonly #servers: readonly Server[]
  readonly #ask: (server: Server, signal: AbortSignal) => Promise<string | undefined>
  readonly #uptime: () => number
  readonly #silent: ((server: Server) => unknown) | undefined
  readonly #known = new Map<Server, string>()
  readonly #closed = new AbortController()
  /** The time of the last question that was answered. */
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Asking | undefined

  /** `ask` resolves to the answer of a server, or undefined if there is none. */
  constructor(
    servers: readonly Server[],
    ask: (server: Server, signal: AbortSignal) => Promise<string | undefined>,
    { uptime = () => performance.now(), silent }: VersionsOptions<Server> = {},
  ) {
    this.#servers = servers
    this.#ask = ask
    this.#uptime = uptime
    this.#silent = silent
  }

  /**
   * The last answer of a server; undefined if it gave none. By now it may have newer signatures, but
   * no older ones.
   */
  of(server: Server): string | undefined {
    return this.#known.get(server)
  }

  /**
   * Resolves to the newest signatures of all servers, as they were within the last BELIEVED_FOR.
   * Undefined if no server answers, or their versions cannot be compared.
   */
  async newest(): Promise<string | undefined> {
    const age = this.#uptime() - this.#askedAt
    if (age > BELIEVED_FOR) {
      // Messages wait once for a silent server, and not each of them anew.
      const { since, done } = this.#refresh()
      if (!(await isWithin(done, PATIENCE - (this.#uptime() - since)))) return undefined
    } else if (age > ASKED_AGAIN_AFTER) void this.#refresh()
    const all = [...this.#known.values()]
    return all.find((version) => all.every((other) => areAtLeastAsNew(version, other)))
  }

  close(): void {
    this.#closed.abort()
  }

  #refresh(): Asking {
    if (this.#asking === undefined) {
      const since = this.#uptime()
      const done = this.#askAll(since).finally(() => {
        this.#asking = undefined
      })
      this.#asking = { since, done }
    }
    return this.#asking
  }

  async #askAll(began: number): Promise<void> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(BELIEVED_FOR)])
    await Promise.all(
      this.#servers.map(async (server) => {
        const timer = setTimeout(() => this.#silent?.(server), SILENCE_MAX)
        const version = await this.#ask(server, signal).catch(() => undefined)
        clearTimeout(timer)
        if (version?.startsWith('ClamAV ')) this.#known.set(server, version)
        // A server that is down is left out. If all are down, their last answer still counts.
        else if (this.#known.size > 1) this.#known.delete(server)
      }),
    )
    this.#askedAt = began
  }
}

async function isWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  return milliseconds > 0 && (await inTime(work, milliseconds)) !== LATE
}
