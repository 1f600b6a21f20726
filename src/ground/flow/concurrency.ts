/** Does a piece of work when its turn comes; resolves or rejects as the work does. */
export type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>

/** At most so many turns at once; others wait in the order in which they came. */
export interface Turns {
  /** Resolves with a function that gives the turn back; undefined if the signal comes first. */
  take(signal?: AbortSignal): Promise<(() => void) | undefined>
  /** Whether a turn can be had at once. */
  readonly isFree: boolean
}

export function createTurns(atOnce: number): Turns {
  const waiting = new Set<() => void>()
  let taken = 0

  function leave(): void {
    const [next] = waiting
    if (next === undefined) taken--
    else next() // it has this turn from now on
  }

  /** Begins a turn. What it returns ends the turn; calling that again does nothing. */
  function turn(): () => void {
    let isOver = false
    return () => {
      if (!isOver) leave()
      isOver = true
    }
  }

  return {
    get isFree() {
      return taken < atOnce
    },
    async take(signal) {
      if (signal?.aborted) return undefined
      if (taken < atOnce) {
        taken++
        return turn()
      }
      return new Promise((resolve) => {
        const settle = (given: (() => void) | undefined) => {
          waiting.delete(start)
          signal?.removeEventListener('abort', give)
          resolve(given)
        }
        const start = () => settle(turn())
        const give = () => settle(undefined)
        waiting.add(start)
        signal?.addEventListener('abort', give)
      })
    },
  }
}

/** Does at most so many pieces of work at once; others wait in the order in which they came. */
export function limitConcurrency(atOnce: number): InTurn {
  const turns = createTurns(atOnce)
  return async (work) => {
    const over = await turns.take()
    try {
      return await work()
    } finally {
      over?.()
    }
  }
}
