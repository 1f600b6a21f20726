import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { areAtLeastAsNew } from '../shared/signatures.ts'

/** Milliseconds for which an answer is believed; a database that was loaded since is newer. */
export const BELIEVED_FOR = 10_000
/** Milliseconds after which it is asked again, while nobody waits. */
export const ASKED_AGAIN_AFTER = 5_000
/** Milliseconds that messages wait for an answer, all of them together. */
export const PATIENCE = 250

/** Milliseconds after which a server that says nothing is passed over. */
export const SILENCE_MAX = 1_000

export interface Versions<Server> {
  /**
   * What a server said last; undefined if nothing. It may have newer signatures by now, but no
   * older ones.
   */
  of(server: Server): string | undefined
  /**
   * The newest signatures of all of them, asked within the last BELIEVED_FOR; undefined if
   * none has said so, or they cannot be compared.
   */
  newest(): Promise<string | undefined>
  close(): void
}

/**
 * Asks servers for their signatures, while somebody wants to know, by VERSION of clamd(8).
 * `ask` gives the answer, or undefined if there is none; `now` in milliseconds.
 */
export function createVersions<Server>(
  servers: readonly Server[],
  ask: (server: Server, signal: AbortSignal) => Promise<string | undefined>,
  {
    now = () => performance.now(),
    silent,
  }: {
    readonly now?: () => number
    /** Told of one that says nothing for SILENCE_MAX: it loads a database, or has too much to do. */
    readonly silent?: (server: Server) => unknown
  } = {},
): Versions<Server> {
  const known = new Map<Server, string>()
  const over = new AbortController()
  /** When the question was asked that was answered last. */
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
      const since = now()
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
      const age = now() - askedAt
      if (age > BELIEVED_FOR) {
        // A silent server is waited for once that long, and never twice.
        const { since, done } = refresh()
        if (!(await isWithin(done, PATIENCE - (now() - since)))) return undefined
      } else if (age > ASKED_AGAIN_AFTER) void refresh()
      return newestKnown()
    },
    close: () => over.abort(),
  }
}

async function isWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  return milliseconds > 0 && (await inTime(work, milliseconds)) !== LATE
}
