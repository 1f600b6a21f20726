import type { Visit } from './visit.ts'

/**
 * Limits how many programs run at once. Clients wait for their turn in the order in which they
 * connected.
 */
export interface ProgramPlaces {
  /**
   * Waits for a place, for at most `patience` milliseconds. Resolves to 'turn' if the visit has a
   * place now, to 'left' if the client has left, and to 'silent' if the time is over.
   */
  take(visit: Visit, patience: number): Promise<'turn' | 'left' | 'silent'>
  giveBack(): void
  /** The number of programs that run. */
  readonly taken: number
}

export function createProgramPlaces(most: number): ProgramPlaces {
  /** Visits in the order in which they connected, which is that of their ids. */
  const waiting: Visit[] = []
  let taken = 0

  /** The index that a visit has, or would have, among those that wait; found by bisection. */
  function indexOf(visit: Visit): number {
    let [low, high] = [0, waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (waiting[middle]!.id < visit.id) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    get taken() {
      return taken
    },
    async take(visit, patience) {
      if (taken < most) {
        taken++
        return 'turn'
      }
      waiting.splice(indexOf(visit), 0, visit)
      const end = await visit.waitForLeaving(patience)
      const index = indexOf(visit)
      if (waiting[index] === visit) waiting.splice(index, 1)
      return end
    },
    giveBack() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (next.callUp()) return // the next visit has the place now
      }
      taken--
    },
  }
}
