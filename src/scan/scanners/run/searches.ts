import { errorText } from '../../../lib/errors/fault.ts'
import { nextTurn } from '../../../lib/flow/event-loop.ts'
import type { Bytes } from '../../../mail/message/bytes.ts'
import { WORK_PER_TURN } from '../../../mail/mime/budget/work.ts'
import type { LocalScanner, MailSearch, Scanner, ScanTask } from '../contract/scanner.ts'
import { causeOf } from '../findings/causes.ts'
import { type ScanResult, unknown } from '../findings/scan-result.ts'

/** The searches of local policy in one message. One that throws answers unknown. */
export class Searches {
  readonly #searches = new Map<LocalScanner, MailSearch>()

  /** Begins a search of each of these scanners that has one. */
  static async begin(scanners: readonly Scanner[], task: ScanTask): Promise<Searches> {
    const searches = new Searches()
    for (const scanner of scanners) {
      if (!scanner.local) continue
      try {
        searches.#searches.set(scanner, await scanner.search(task))
      } catch (error) {
        searches.#fail(scanner, error)
      }
    }
    return searches
  }

  get isEmpty(): boolean {
    return this.#searches.size === 0
  }

  /** Has all searches do something, and yields the units of work that they do. */
  *work(what: (search: MailSearch) => Iterable<number>): Generator<number> {
    for (const [scanner, search] of this.#searches) {
      try {
        yield* what(search)
      } catch (error) {
        this.#fail(scanner, error)
      }
    }
  }

  /**
   * Runs all searches on a content, in turns of the event loop. Resolves to false if the signal ended that.
   */
  async content(content: Bytes, signal: AbortSignal): Promise<boolean> {
    let sinceTurn = 0
    for (const units of this.work((search) => search.content(content))) {
      sinceTurn += units
      if (sinceTurn < WORK_PER_TURN) continue
      sinceTurn = 0
      await nextTurn()
      if (signal.aborted) return false
    }
    return true
  }

  /** Passes something that takes no work to all searches. */
  each(what: (search: MailSearch) => void): void {
    for (const [scanner, search] of this.#searches) {
      try {
        what(search)
      } catch (error) {
        this.#fail(scanner, error)
      }
    }
  }

  /** Returns the finding of a scanner's search, or undefined if there is none. */
  answerOf(scanner: LocalScanner): ScanResult | undefined {
    return this.#searches.get(scanner)?.answer()
  }

  #fail(scanner: LocalScanner, error: unknown): void {
    const ignore = () => {}
    const noWork = () => []
    const answer = () => unknown(errorText(error), causeOf(error))
    const failed = { part: noWork, content: noWork, leaveUnread: ignore, answer }
    this.#searches.set(scanner, failed)
  }
}
