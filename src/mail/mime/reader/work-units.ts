/** The units of work that are counted together. */
const UNITS_PER_COUNT = 8 * 1024

/** The units of work of a reading that were not yielded yet. */
export class Units {
  #count = 0

  add(units: number): void {
    this.#count += units
  }

  get areDue(): boolean {
    return this.#count >= UNITS_PER_COUNT
  }

  take(): number {
    const units = this.#count
    this.#count = 0
    return units
  }
}
