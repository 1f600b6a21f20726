import type { Visit } from './visit.ts'

/**
 * Places for programs: at most so many at once. Clients wait for one in the order of their coming.
 */
export interface ProgramPlaces {
  /**
   * Waits for a place, at most so many milliseconds: 'turn' if it has one now, 'left' if the client
   * has gone, 'silent' if there was none in the time.
   */
  take(visit: Visit, patience: number): Promise<'turn' | 'left' | 'silent'>
  giveBack(): void
  /** How many are taken. */
  readonly taken: number
}

export function createProgramPlaces(most: number): ProgramPlaces {
  /** In the order of their coming. */
  const waiting: Visit[] = []
  let taken = 0

  /** The place of a visit in the line: the later it came, the higher the number. */
  function placeOf(visit: Visit): number {
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
      waiting.splice(placeOf(visit), 0, visit)
      const end = await visit.waitForLeaving(patience)
      const place = placeOf(visit)
      if (waiting[place] === visit) waiting.splice(place, 1)
      return end
    },
    giveBack() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (next.callUp()) return // the place belongs to it from now on
      }
      taken--
    },
  }
}
