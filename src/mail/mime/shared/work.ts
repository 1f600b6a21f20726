import type { Bytes } from '../../message/bytes.ts'
import type { Header } from '../../message/header-block.ts'
import { budgetOf, LimitExceeded, type ReadingBudget, Unreadable } from './limits.ts'
import type { Oddity } from './oddities.ts'
import { MemoryPool } from './store.ts'

/** The units of work between two turns of the event loop. A unit is about one byte inspected. */
export const WORK_PER_TURN = 192 * 1024
/** The most bytes that are inspected, decoded or read before the next turn is considered. */
export const PIECE = 64 * 1024
/**
 * The same where lines are read one by one, since one of two bytes may cost as much as hundreds of
 * others.
 */
export const LINES_PIECE = 8 * 1024

type ContentStep =
  /** A content that some reader of mail might get out of a message. */
  | {
      readonly kind: 'content'
      /** They are valid until the next step is asked for. */
      readonly bytes: Bytes
      /** Whether scanners shall take the content for a mail. */
      readonly isMail: boolean
    }
  /** The caller should let the event loop take a turn now. */
  | { readonly kind: 'turn' }
  /** The message is nested deeper than `maxDepth`. This step comes once. */
  | { readonly kind: 'deeper' }
  /** The mail exceeds a limit, however plainly it is read. This is the last step. */
  | { readonly kind: 'over'; readonly why: string }

/** Steps of the work on a message, with a result at their end. */
export type Steps<Result = void> = Generator<ContentStep, Result>

/** The header of a message, whose fields a stage before has found. */
export interface KnownHeader {
  readonly header: Header
  /** The bytes above it, which are a field that says nothing about content (message.ts). */
  readonly above: number
}

export interface WorkOptions {
  /** The header of the message itself. Without it the reading finds the fields by itself. */
  readonly header?: KnownHeader | undefined
  /**
   * Opens a file of its own for a content that does not fit into memory, for reading and writing.
   */
  readonly openFile: () => number
  /** Called with the units of work that were done since the last call. */
  readonly onWork?: (units: number) => void
  /** Called with each oddity of the message itself, once or more; `encrypted` also of mails in it. */
  readonly onOdd?: (oddity: Oddity) => void
}

/** The state that all decoding of one message shares: what may still be done, and with what memory. */
export class Work {
  readonly #onWork: ((units: number) => void) | undefined
  readonly onOdd: ((oddity: Oddity) => void) | undefined
  readonly pool: MemoryPool
  /** Memory for decoders of this message that no decoder uses now. */
  readonly rooms: Buffer[] = []
  /** What may still be done: of the plain reading, or of an odd one while that goes on. */
  budget: ReadingBudget
  /** What may still be done in all odd readings together. */
  readonly #odd: ReadingBudget
  /** The same of parts that only some readers see, in the standard way: odd ways may not push them out. */
  readonly doubtful: ReadingBudget
  #unitsSinceTurn = 0

  constructor({ size }: Bytes, { openFile, onWork, onOdd }: WorkOptions) {
    this.#onWork = onWork
    this.onOdd = onOdd
    this.pool = new MemoryPool(openFile, size)
    this.budget = budgetOf(size)
    this.#odd = budgetOf(size)
    this.doubtful = budgetOf(size)
  }

  /**
   * Counts units of work, and asks for a turn of the event loop if it is time for one. Throws LimitExceeded
   * if they are too many.
   */
  *countUnits(units: number): Steps {
    this.#onWork?.(units)
    this.budget.work -= units
    if (this.budget.work < 0) throw new LimitExceeded('too much work for its size')
    this.#unitsSinceTurn += units
    if (this.#unitsSinceTurn < WORK_PER_TURN) return
    this.#unitsSinceTurn = 0
    yield { kind: 'turn' }
  }

  /** Counts bytes that are decoded, or given as they stand. Throws LimitExceeded if they are too many. */
  countBytes(bytes: number): void {
    this.budget.bytes -= bytes
    if (this.budget.bytes < 0) throw new LimitExceeded('contents of too many bytes')
  }

  /**
   * Takes steps of a reading that only some reader of mail has, by the budget of odd readings or another
   * one of its `own`. If that is spent, the rest of the steps is left out, the mail is odd, and the plain
   * reading goes on. What cannot be read is not spent: that is thrown.
   */
  *oddly(steps: Steps<unknown>, own = this.#odd): Steps {
    const { budget } = this
    if (budget === own) {
      yield* steps
      return
    }
    this.budget = own
    try {
      yield* steps
    } catch (error) {
      if (!(error instanceof LimitExceeded) || error instanceof Unreadable) throw error
      this.onOdd?.('unread')
    } finally {
      this.budget = budget
    }
  }
}
