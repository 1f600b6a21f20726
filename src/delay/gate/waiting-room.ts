import { LinkedList } from './linked-list.ts'
import type { Rank, Visit } from './visit.ts'

/** The ranks that make room for a newcomer, in this order. */
const WORSE: readonly Rank[] = ['talked', 'nameless', 'dynamic']

/** The visits that wait, up to a limit. */
export interface WaitingRoom {
  readonly size: number
  readonly isFull: boolean
  enter(visit: Visit): void
  /** Ranks a visit anew, when its class becomes known or the client talks. */
  setRank(visit: Visit, rank: Rank): void
  /** Removes a visit, if it is in the room. */
  leave(visit: Visit): void
  /**
   * Returns the visit that must make room for a newcomer: of those with the worst rank, the one
   * that got this rank last. Undefined if all have the rank `other`, which a newcomer has, too.
   */
  worst(): Visit | undefined
  all(): Visit[]
}

/** Makes a room for at most `most` visits; the caller looks at `isFull` before each `enter`. */
export function createWaitingRoom(most: number): WaitingRoom {
  const visits = new Set<Visit>()
  const lines: Readonly<Record<Rank, LinkedList<Visit>>> = {
    talked: new LinkedList(),
    nameless: new LinkedList(),
    dynamic: new LinkedList(),
    other: new LinkedList(),
  }

  function leave(visit: Visit): void {
    if (visit.rank === undefined) return
    lines[visit.rank].remove(visit)
    visit.rank = undefined
    visits.delete(visit)
  }

  function enter(visit: Visit, rank: Rank): void {
    visit.rank = rank
    lines[rank].push(visit)
    visits.add(visit)
  }

  return {
    get size() {
      return visits.size
    },
    get isFull() {
      return visits.size >= most
    },
    enter: (visit) => enter(visit, 'other'),
    setRank(visit, rank) {
      if (visit.rank === undefined || visit.rank === rank) return
      leave(visit)
      enter(visit, rank)
    },
    leave,
    worst() {
      const rank = WORSE.find((worse) => lines[worse].last !== undefined)
      return rank && lines[rank].last
    },
    all: () => [...visits],
  }
}
