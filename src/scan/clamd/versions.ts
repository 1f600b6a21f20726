import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { areAtLeastAsNew } from '../shared/signatures.ts'

/** Milliseconds for which an answer holds: a database that is loaded meanwhile can only be newer. */
export const BELIEVED_FOR = 10_000
/** Milliseconds after which servers are asked again, while nobody waits. */
export const ASKED_AGAIN_AFTER = 5_000
/** Milliseconds that messages wait for one round of answers. */
export const PATIENCE = 250

/** Milliseconds after which a silent server is reported. */
export const SILENCE_MAX = 1_000

export interface Versions<Server> {
  /**
   * The last answer of a server; undefined if it gave none. By now it may have newer signatures, but
   * no older ones.
   */
  of(server: Server): string | undefined
  /**
   * Resolves to the newest signatures of all servers, as they were within the last BELIEVED_FOR.
   * Undefined if no server answers, or their versions cannot be compared.
   */
  newest(): Promise<string | undefined>
  close(): void
}

/**
 * Asks servers for their signatures (VERSION, clamd(8)) as long as somebody wants to know them. `ask`
 * resolves to the answer, or undefined if there is none. `uptime` is in milliseconds.
 */
export function createVersions<Server>(
  servers: readonly Server[],
  ask: (server: Server, signal: AbortSignal) => Promise<string | undefined>,
  {
    uptime = () => performance.now(),
    silent,
  }: {
    readonly uptime?: () => number
    /** Called with a server that is silent for SILENCE_MAX: it loads a database, or is overloaded. */
    readonly silent?: (server: Server) => unknown
  } = {},
): Versions<Server> {
  const known = new Map<Server, string>()
  const over = new AbortController()
  /** The time of the last question that was answered. */
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: { readonly since: number; readonly done: Promise<void> } | undefined

  async function askAll(began: number): Promise<void> {
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(BELIEVED_FOR)])
    await Promise.all(
      servers.map(async (server) => {
        const timer = setTimeout(() => silent?.(server), SILENCE_MAX)
        const version = await ask(server, signal).catch(() => undefined)
        clearTimeout(timer)
        if (version?.startsWith('ClamAV ')) known.set(server, version)
        // A server that is down is left out. If all are down, their last answer still counts.
        else if (known.size > 1) known.delete(server)
      }),
    )
    askedAt = began
  }

  function refresh(): NonNullable<typeof asking> {
    if (asking === undefined) {
      const since = uptime()
      const done = askAll(since).finally(() => {
        asking = undefined
      })
      asking = { since, done }
    }
    return asking
  }

  function newestKnown(): string | undefined {
    const all = [...known.values()]
    return all.find((version) => all.every((other) => areAtLeastAsNew(version, other)))
  }

  return {
    of: (server) => known.get(server),
    async newest() {
      const age = uptime() - askedAt
      if (age > BELIEVED_FOR) {
        // Messages wait once for a silent server, and not each of them anew.
        const { since, done } = refresh()
        if (!(await isWithin(done, PATIENCE - (uptime() - since)))) return undefined
      } else if (age > ASKED_AGAIN_AFTER) void refresh()
      return newestKnown()
    },
    close: () => over.abort(),
  }
}

async function isWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  return milliseconds > 0 && (await inTime(work, milliseconds)) !== LATE
}
