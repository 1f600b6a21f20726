import type { Bytes } from '../../message/bytes.ts'
import type { KnownHeader } from '../../message/message.ts'
import { limits, type ReadingBudget } from '../budget/limits.ts'
import { EveryHabit } from '../habits/habits.ts'
import type { Depth } from './depth.ts'
import { HeaderCache } from './header-reading.ts'
import { CrsAsLineEnds, MailText } from './mail-text.ts'
import { Reading } from './reading.ts'

/**
 * All readings of one mail, one for each set of habits that makes a difference to it. The source is read at
 * several offsets at a time, so iterators over its chunks may not share memory.
 */
export class MailReadings {
  readonly #source: Bytes
  readonly #outerDepth: Depth
  readonly #known: KnownHeader | undefined
  readonly #isForLibclamav: boolean | undefined
  readonly #every: EveryHabit
  readonly #headers = new HeaderCache()
  readonly #text: MailText
  #textByCrs: MailText | undefined
  #last: Reading | undefined

  /**
   * - `outerDepth` is the depth of the mail itself.
   * - `budget` is that of the message that contains it; further readings are charged to it.
   * - `known` is the header of the mail, if an earlier stage has parsed it.
   * - `isForLibclamav` means that the caller needs the nesting depth of the mail for libclamav.
   */
  constructor(
    source: Bytes,
    outerDepth: Depth,
    budget: Pick<ReadingBudget, 'readings'>,
    {
      known,
      isForLibclamav,
    }: { readonly known?: KnownHeader | undefined; readonly isForLibclamav?: boolean } = {},
  ) {
    this.#source = source
    this.#outerDepth = outerDepth
    this.#every = new EveryHabit(budget)
    this.#known = known
    this.#isForLibclamav = isForLibclamav
    this.#text = new MailText(source, (text) => this.#last?.mayDelimit(text) === true)
  }

  /** Returns the next reading, after the last one has ended, or undefined if there are no more. */
  next(): Reading | undefined {
    const habits = this.#every.next()
    if (habits === undefined) return undefined
    const byCrs = habits.wouldDo('bare CR') === 'ends a line'
    this.#last = new Reading(byCrs ? this.#byCrs() : this.#text, habits, {
      outerDepth: this.#outerDepth,
      headers: this.#headers,
      known: byCrs ? undefined : this.#known,
      isForLibclamav: this.#isForLibclamav,
    })
    return this.#last
  }

  /** Whether one reading is enough: it asked no question. */
  get isOne(): boolean {
    return this.#every.count === 1 && this.unread === undefined
  }

  /** Why the mail was not read in all ways, or undefined if it was. */
  get unread(): string | undefined {
    if (this.#every.isCut) return `more than ${limits.readings} ways of reading the mail`
    const texts = [this.#text, ...(this.#textByCrs ? [this.#textByCrs] : [])]
    if (texts.some(({ isFull }) => isFull)) return 'more lines like delimiters than are kept'
    const isThinned = texts.some((text) => text.isThinned) && this.#every.count > 1
    return isThinned ? 'more lines of dashes than are read in several ways' : undefined
  }

  #byCrs(): MailText {
    this.#textByCrs ??= new MailText(new CrsAsLineEnds(this.#source))
    return this.#textByCrs
  }
}
