import type { Bytes } from '../../message/bytes.ts'
import type { KnownHeader } from '../../message/message.ts'
import { limits, type ReadingBudget } from '../budget/limits.ts'
import { EveryHabit } from '../habits/habits.ts'
import type { Depth } from './depth.ts'
import { HeaderCache } from './header-reading.ts'
import { MailText } from './mail-text.ts'
import { Reading } from './reading.ts'

/** All readings of one mail, one for each set of habits that makes a difference to it. */
export class MailReadings {
  readonly #source: Bytes
  readonly #outerDepth: Depth
  readonly #known: KnownHeader | undefined
  readonly #isForLibclamav: boolean
  readonly #every: EveryHabit
  readonly #headers = new HeaderCache()
  #text: MailText | undefined
  #textByCrs: MailText | undefined

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
      isForLibclamav = false,
    }: { readonly known?: KnownHeader | undefined; readonly isForLibclamav?: boolean } = {},
  ) {
    this.#source = source
    this.#outerDepth = outerDepth
    this.#every = new EveryHabit(budget)
    this.#known = known
    this.#isForLibclamav = isForLibclamav
  }

  /** Returns the next reading, after the last one has ended, or undefined if there are no more. */
  next(): Reading | undefined {
    const habits = this.#every.next()
    if (habits === undefined) return undefined
    const byCrs = habits.wouldDo('bare CR') === 'ends a line'
    return new Reading(byCrs ? this.#byCrs() : this.#asWritten(), habits, {
      outerDepth: this.#outerDepth,
      headers: this.#headers,
      known: byCrs ? undefined : this.#known,
      isForLibclamav: this.#isForLibclamav,
    })
  }

  /** Whether one reading is enough: it asked no question. */
  get isOne(): boolean {
    return this.#every.count === 1 && this.unread === undefined
  }

  /** Why the mail was not read in all ways, or undefined if it was. */
  get unread(): string | undefined {
    return this.#every.isCut ? `more than ${limits.readings} ways of reading the mail` : undefined
  }

  #asWritten(): MailText {
    this.#text ??= new MailText(this.#source.gather())
    return this.#text
  }

  #byCrs(): MailText {
    this.#textByCrs ??= new MailText(this.#source.gather(), { areCrsEnds: true })
    return this.#textByCrs
  }
}
