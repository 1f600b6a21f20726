import { LinkedList } from './linked-list.ts'
import type { Rank, Visit } from './visit.ts'

/** Ranks in the order in which they make room. */
const WORSE: readonly Rank[] = ['talked', 'nameless', 'dynamic']

/** Connections that wait, at most `most` of them. */
export interface WaitingRoom {
  readonly size: number
  readonly isFull: boolean
  enter(visit: Visit): void
  /** Its class became known, or it talked. */
  setRank(visit: Visit, rank: Rank): void
  /** Does nothing for one that is not in the room. */
  leave(visit: Visit): void
  /**
   * The visit that has to make room for a newcomer: of the worst rank below `other` the one that
   * came to that rank last. Undefined if nobody is worse than a stranger: then the newcomer goes.
   */
  worst(): Visit | undefined
  all(): Visit[]
}

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
