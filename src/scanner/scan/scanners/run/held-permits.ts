import { nextTurn } from '../../../../base/flow/event-loop.ts'
import type { LimitedScanner } from '../contract/scanner.ts'
import type { ScanResult } from '../findings/scan-result.ts'
import type { WaitingMail } from '../permits/scan-permits.ts'
import { withScannerName } from './scan-samples.ts'

/** The error of a scan that costs too much to go on, with its result. */
export class GivenUp extends Error {
  readonly result: ScanResult

  constructor(result: ScanResult) {
    super('given up')
    this.result = result
  }
}

/** The permits that one message has, of each scanner that has permits. */
export class HeldPermits {
  readonly #scanners: readonly LimitedScanner[]
  readonly #mail: WaitingMail
  #ends: (() => void)[] = []
  #areKept = false

  constructor(scanners: readonly LimitedScanner[], mail: WaitingMail) {
    this.#scanners = scanners
    this.#mail = mail
  }

  /** Waits for all permits. Resolves to *unknown* if one would come too late. */
  async acquire(): Promise<ScanResult | undefined> {
    for (const scanner of this.#scanners) {
      const permit = await scanner.permits.acquire(this.#mail)
      if (typeof permit !== 'function') return withScannerName(scanner, permit)
      this.#ends.push(permit)
    }
    return undefined
  }

  /** Keeps the permits until the returned function is called: meanwhile the message gives way to no other one. */
  keep(): () => void {
    this.#areKept = true
    return () => {
      this.#areKept = false
    }
  }

  /**
   * Waits for other messages that have used less time, if there are any. All permits are released first, so that no
   * two messages wait for each other. If they do not come back before the signal is aborted, the scan ends by that. Rejects
   * with GivenUp if the message is not to be scanned further.
   */
  async giveWay(): Promise<void> {
    if (this.#areKept) return
    if (!this.#scanners.some(({ permits }) => permits.mustGiveWay(this.#mail))) return
    this.release()
    const refusal = await this.acquire()
    if (refusal !== undefined && !this.#mail.signal.aborted) throw new GivenUp(refusal)
  }

  /** Lets other work run, in particular that of messages that have used less time, and gives way. */
  async nextTurn(): Promise<void> {
    const [first] = this.#scanners
    await (first ? first.permits.nextTurn(this.#mail) : nextTurn())
    await this.giveWay()
  }

  release(): void {
    for (const end of this.#ends.splice(0)) end()
  }
}
