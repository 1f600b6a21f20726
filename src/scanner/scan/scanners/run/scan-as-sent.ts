import type { ScanResult } from '../findings/scan-result.ts'

/** The scan of a client's bytes as they were sent, which takes place while the message is read. */
export class ScanAsSent {
  /** Rejects as the scan does. */
  readonly result: Promise<ScanResult>
  #endsReading = false

  /** `onClean` is called if the bytes are clean. */
  constructor(result: Promise<ScanResult>, onClean: () => void) {
    this.result = result
    const endReading = () => {
      this.#endsReading = true
    }
    result.then(({ answer }) => (answer === 'clean' ? onClean() : endReading()), endReading)
  }

  /** Whether it has ended, and not with the result that the bytes are clean. The reading then ends at its next step. */
  get endsReading(): boolean {
    return this.#endsReading
  }
}
