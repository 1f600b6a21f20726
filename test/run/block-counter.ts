import { Session } from 'node:inspector'

/**
 * Counts how often the blocks of code in src run. The number is the same on every machine, however busy. Work of the
 * runtime itself, such as a search in a text, is not counted.
 */
export class BlockCounter {
  readonly #session = new Session()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Returns the number since the last call. */
  take(): number {
    let count = 0
    this.#session.post('Profiler.takePreciseCoverage', (_, { result }) => {
      for (const { url, functions } of result) {
        if (!url.includes('/src/')) continue
        for (const { ranges } of functions) for (const range of ranges) count += range.count
      }
    })
    return count
  }
}
