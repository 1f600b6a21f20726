/**
 * Conversations with one server at once; onescand(8) has this number. clamd scans for
 * MaxThreads of them (10), holds MaxQueue (100) and refuses what comes above that and its
 * MaxConnectionQueueLength: all processes of a daemon together stay below.
 */
export const PLACES = 20

/** Places at servers, for which those who find none wait in the order of their coming. */
export interface Places<Server> {
  /** Conversations with it at this moment. */
  takenAt(server: Server): number
  /**
   * One of the servers that has a place, to be left again; undefined if `signal` comes
   * first. `wanted` names them in the order of preference; it is asked again whenever a
   * place becomes free.
   */
  take(wanted: () => readonly Server[], signal: AbortSignal): Promise<Server | undefined>
  leave(server: Server): void
}

interface Waiting<Server> {
  wanted(): readonly Server[]
  take(server: Server): void
}

export function createPlaces<Server>(atEach: number = PLACES): Places<Server> {
  /** Of all messages; counted up before anybody is told, so that no two get one place. */
  const taken = new Map<Server, number>()
  const waiting = new Set<Waiting<Server>>()

  const takenAt = (server: Server) => taken.get(server) ?? 0

  function find(wanted: readonly Server[]): Server | undefined {
    const free = wanted.find((server) => takenAt(server) < atEach)
    if (free !== undefined) taken.set(free, takenAt(free) + 1)
    return free
  }

  function serve(): void {
    for (const next of waiting) {
      const free = find(next.wanted())
      if (free !== undefined) next.take(free)
    }
  }

  return {
    takenAt,
    async take(wanted, signal) {
      if (signal.aborted) return undefined
      serve() // what they want may have become free without a word, and nobody is overtaken
      const free = find(wanted())
      if (free !== undefined) return free
      return new Promise((resolve) => {
        const finish = (server: Server | undefined) => {
          waiting.delete(entry)
          signal.removeEventListener('abort', leave)
          resolve(server)
        }
        const leave = () => finish(undefined)
        const entry: Waiting<Server> = { wanted, take: finish }
        waiting.add(entry)
        signal.addEventListener('abort', leave)
      })
    },
    leave(server) {
      taken.set(server, takenAt(server) - 1)
      serve()
    },
  }
}
