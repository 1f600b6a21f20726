import type { Rank, Visit } from './visit.ts'

/** The ranks that make room for a newcomer, in this order. */
const WORSE: readonly Rank[] = ['talked', 'nameless', 'dynamic']

/** The visits that wait, up to a limit. */
export class WaitingVisits {
  readonly #most: number
  readonly #visits = new Set<Visit>()
  readonly #lines: Readonly<Record<Rank, RankLine>> = {
    talked: new RankLine(),
    nameless: new RankLine(),
    dynamic: new RankLine(),
    other: new RankLine(),
  }

  /** The caller looks at `isFull` before each `enter`. */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#visits.size
  }

  get isFull(): boolean {
    return this.#visits.size >= this.#most
  }

  enter(visit: Visit): void {
    this.#enter(visit, 'other')
  }

  /** Ranks a visit anew, when its class becomes known or the client talks. */
  setRank(visit: Visit, rank: Rank): void {
    if (visit.rank === undefined || visit.rank === rank) return
    this.leave(visit)
    this.#enter(visit, rank)
  }

  /** Removes a visit, if it is there. */
  leave(visit: Visit): void {
    if (visit.rank === undefined) return
    this.#lines[visit.rank].remove(visit)
    visit.rank = undefined
    this.#visits.delete(visit)
  }

  /**
   * Returns the visit that must make room for a newcomer: of those with the worst rank, the one
   * that got this rank last. Undefined if all have the rank `other`, which a newcomer has, too.
   */
  worst(): Visit | undefined {
    const rank = WORSE.find((worse) => this.#lines[worse].last !== undefined)
    return rank && this.#lines[rank].last
  }

  all(): Visit[] {
    return [...this.#visits]
  }

  #enter(visit: Visit, rank: Rank): void {
    visit.rank = rank
    this.#lines[rank].push(visit)
    this.#visits.add(visit)
  }
}

/** The visits of a rank in the order in which they got it. Adding and removing take constant time. */
class RankLine {
  #last: Visit | undefined

  /** The visit that came last; undefined if there is none. */
  get last(): Visit | undefined {
    return this.#last
  }

  push(visit: Visit): void {
    visit.before = this.#last
    visit.behind = undefined
    if (this.#last !== undefined) this.#last.behind = visit
    this.#last = visit
  }

  /** Removes a visit, which must be in this line. */
  remove(visit: Visit): void {
    if (visit.before !== undefined) visit.before.behind = visit.behind
    if (visit.behind === undefined) this.#last = visit.before
    else visit.behind.before = visit.before
    visit.before = undefined
    visit.behind = undefined
  }
}
