import { BackOff } from '../../ground/flow/back-off.ts'

/**
 * Deaths of scanners that are compared, and deaths at which a mark must have been there to be suspected.
 */
const DEATHS_KEPT = 6
const FEW = 3
/** Milliseconds for which a death is remembered. */
const REMEMBERED_FOR = 3600 * 1000
/** Milliseconds within which all messages report the same death. */
const SAME_DEATH = 500
/**
 * Answered messages with a mark for each death at which it was there: from so many on it is a mark of
 * ordinary mail.
 */
const ANSWERS_PER_DEATH = 3
/**
 * Milliseconds for which messages with a suspected mark wait after one of them killed a scanner, doubled
 * with each death.
 */
const FIRST_REST = 2_000
const LONGEST_REST = 600_000

/** A suspected mark, and milliseconds until the next message with it may be scanned. */
export interface Suspicion {
  readonly mark: string
  readonly rest: number
}

/** Returns the marks of a message: the address of its client, its sender, and its approximate size. */
export function marksOf(
  client: string | undefined,
  sender: string,
  size: number,
): readonly string[] {
  const steps = Math.round(8 * Math.log2(size + 1)) // each step is a twelfth larger than the one before
  return [
    ...(client === undefined ? [] : [`client ${client}`]),
    `sender ${sender.slice(0, 100)}`,
    `size ${Math.round(2 ** (steps / 8))}`,
  ]
}

interface Death {
  readonly at: number
  readonly fingerprints: Set<string>
  readonly marks: Set<string>
}

/**
 * Finds what messages that scanners died of have in common besides their content: the marks of who sent
 * them. A mark is suspected if it was there at three of the last six deaths, and hardly a message with it
 * was answered since the first of these.
 */
export class CommonMarks {
  readonly #uptime: () => number
  #deaths: readonly Death[] = []
  /** The number of answered messages by mark, for marks that were there at a death. */
  readonly #answers = new Map<string, number>()
  readonly #rests: BackOff<string>

  /** `uptime` is in milliseconds. */
  constructor(uptime: () => number) {
    this.#uptime = uptime
    this.#rests = new BackOff(uptime, { first: FIRST_REST, longest: LONGEST_REST })
  }

  /** Notes that a scanner died while it had this message, and maybe others. */
  died(fingerprint: string, marks: readonly string[]): void {
    if (marks.length === 0) return
    const last = this.#recent().at(-1)
    if (last !== undefined && this.#uptime() - last.at < SAME_DEATH) {
      last.fingerprints.add(fingerprint)
      for (const mark of marks) last.marks.add(mark)
      return
    }
    const death = {
      at: this.#uptime(),
      fingerprints: new Set([fingerprint]),
      marks: new Set(marks),
    }
    this.#keep([...this.#deaths, death].slice(-DEATHS_KEPT))
    this.#rest(marks)
  }

  /** Notes that this message was the reason of the death. */
  struck(fingerprint: string, marks: readonly string[]): void {
    if (marks.length === 0) return
    const all = this.#recent()
    const at = all.findLastIndex(({ fingerprints }) => fingerprints.has(fingerprint))
    if (at >= 0) this.#keep(all.with(at, { ...all[at]!, marks: new Set(marks) }))
    this.#rest(marks)
  }

  answered(marks: readonly string[]): void {
    if (this.#recent().length === 0) return
    for (const mark of marks) {
      if (!this.#wasThere(mark)) continue
      this.#answers.set(mark, (this.#answers.get(mark) ?? 0) + 1)
      this.#rests.noteAnswer(mark)
    }
  }

  suspicionOf(marks: readonly string[]): Suspicion | undefined {
    const mark = this.#suspected(marks)
    return mark === undefined ? undefined : { mark, rest: this.#rests.timeLeft(mark) }
  }

  #recent(): readonly Death[] {
    const isOld = ({ at }: Death) => this.#uptime() - at >= REMEMBERED_FOR
    const [first] = this.#deaths
    if (first !== undefined && isOld(first)) {
      this.#keep(this.#deaths.filter((death) => !isOld(death)))
    }
    return this.#deaths
  }

  /** Keeps these deaths alone, and nothing about marks that were there at none of them. */
  #keep(deaths: readonly Death[]): void {
    const former = this.#deaths
    this.#deaths = deaths
    for (const mark of former.flatMap(({ marks }) => [...marks])) {
      if (this.#wasThere(mark)) continue
      this.#answers.delete(mark)
      this.#rests.noteAnswer(mark)
    }
  }

  #wasThere(mark: string): boolean {
    return this.#deaths.some(({ marks }) => marks.has(mark))
  }

  #suspected(marks: readonly string[]): string | undefined {
    const all = this.#recent()
    if (all.length < FEW) return undefined
    return marks.find((mark) => {
      const times = all.filter((death) => death.marks.has(mark)).length
      return times >= FEW && (this.#answers.get(mark) ?? 0) < ANSWERS_PER_DEATH * times
    })
  }

  #rest(marks: readonly string[]): void {
    const mark = this.#suspected(marks)
    if (mark !== undefined) this.#rests.noteFailure(mark)
  }
}
