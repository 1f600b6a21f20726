import { errorText, isFault } from '../../../../base/errors/fault.ts'
import { nextTurn } from '../../../../base/flow/event-loop.ts'
import type { Bytes } from '../../../../mail/message/bytes.ts'
import { WORK_PER_TURN } from '../../../../mail/mime/index.ts'
import type { BanScanner, Inspection, Scanner, ScannerCall } from '../contract/scanner.ts'
import { causeOf, type ScanResult, unknown } from '../findings/scan-result.ts'

/** The inspections of one message for bans. One that throws answers unknown, unless a setting is wrong. */
export class Inspections {
  readonly #inspections = new Map<BanScanner, Inspection>()

  /** Begins an inspection by each of these scanners that has bans. */
  static async begin(scanners: readonly Scanner[], task: ScannerCall): Promise<Inspections> {
    const inspections = new Inspections()
    for (const scanner of scanners) {
      if (!scanner.hasBans) continue
      try {
        inspections.#inspections.set(scanner, await scanner.inspect(task))
      } catch (error) {
        if (isFault(error) && error.kind === 'config') throw error // SCANFAIL is not about wrong settings
        inspections.#fail(scanner, error)
      }
    }
    return inspections
  }

  get isEmpty(): boolean {
    return this.#inspections.size === 0
  }

  /** Has all inspections do something, and yields the units of work that they do. */
  *work(act: (inspection: Inspection) => Iterable<number>): Generator<number> {
    for (const [scanner, inspection] of this.#inspections) {
      try {
        yield* act(inspection)
      } catch (error) {
        this.#fail(scanner, error)
      }
    }
  }

  /**
   * Has all inspections take a content, in turns of the event loop. Resolves to false if the signal ended that.
   */
  async inspectContent(content: Bytes, signal: AbortSignal): Promise<boolean> {
    let sinceTurn = 0
    for (const units of this.work((inspection) => inspection.content(content))) {
      sinceTurn += units
      if (sinceTurn < WORK_PER_TURN) continue
      sinceTurn = 0
      await nextTurn()
      if (signal.aborted) return false
    }
    return true
  }

  /** Passes something that takes no work to all inspections. */
  each(act: (inspection: Inspection) => void): void {
    for (const [scanner, inspection] of this.#inspections) {
      try {
        act(inspection)
      } catch (error) {
        this.#fail(scanner, error)
      }
    }
  }

  /** Returns the finding of a scanner's inspection, or undefined if there is none. */
  answerOf(scanner: BanScanner): ScanResult | undefined {
    return this.#inspections.get(scanner)?.answer()
  }

  #fail(scanner: BanScanner, error: unknown): void {
    const ignore = () => {}
    const noWork = () => []
    const answer = () => unknown(errorText(error), causeOf(error))
    const failed = { part: noWork, content: noWork, leaveUnread: ignore, answer }
    this.#inspections.set(scanner, failed)
  }
}
