import type { Visit } from './visit.ts'

/**
 * The places of the programs that run at once. Clients wait for their turn in the order in which they
 * connected.
 */
export class ProgramPlaces {
  readonly #most: number
  /** Visits in the order in which they connected, which is that of their ids. */
  readonly #waiting: Visit[] = []
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /**
   * Waits for a place, for at most `patience` milliseconds. Resolves to 'turn' if the visit has a
   * place now, to 'left' if the client has left, and to 'silent' if the time is over.
   */
  async take(visit: Visit, patience: number): Promise<'turn' | 'left' | 'silent'> {
    if (this.#taken < this.#most) {
      this.#taken++
      return 'turn'
    }
    this.#waiting.splice(this.#indexOf(visit), 0, visit)
    const end = await visit.waitForLeaving(patience)
    const index = this.#indexOf(visit)
    if (this.#waiting[index] === visit) this.#waiting.splice(index, 1)
    return end
  }

  giveBack(): void {
    const waiting = this.#waiting
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.callUp()) return // the next visit has the place now
    }
    this.#taken--
  }

  /** The index that a visit has, or would have, among those that wait; found by bisection. */
  #indexOf(visit: Visit): number {
    let [low, high] = [0, this.#waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#waiting[middle]!.id < visit.id) low = middle + 1
      else high = middle
    }
    return low
  }
}
