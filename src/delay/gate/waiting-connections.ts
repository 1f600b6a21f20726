import type { GateConnection, Rank } from './gate-connection.ts'

/** The ranks that are closed for a new connection, in this order. */
const WORSE: readonly Rank[] = ['talked', 'nameless', 'dynamic']

/** The connections that wait, up to a limit. */
export class WaitingConnections {
  readonly #most: number
  readonly #connections = new Set<GateConnection>()
  readonly #lines: Readonly<Record<Rank, RankLine>> = {
    talked: new RankLine(),
    nameless: new RankLine(),
    dynamic: new RankLine(),
    other: new RankLine(),
  }

  /** The caller checks `isFull` before each `enter`. */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#connections.size
  }

  get isFull(): boolean {
    return this.#connections.size >= this.#most
  }

  enter(connection: GateConnection): void {
    this.#enter(connection, 'other')
  }

  /** Changes the rank of a connection, when its class becomes known or the client talks. */
  setRank(connection: GateConnection, rank: Rank): void {
    if (connection.rank === undefined || connection.rank === rank) return
    this.leave(connection)
    this.#enter(connection, rank)
  }

  /** Removes a connection, if it is there. */
  leave(connection: GateConnection): void {
    if (connection.rank === undefined) return
    this.#lines[connection.rank].remove(connection)
    connection.rank = undefined
    this.#connections.delete(connection)
  }

  /**
   * Returns the connection to close for a new one: of those with the worst rank, the one that got this rank
   * last. Returns undefined if all have the rank `other`, which a new one also has.
   */
  worst(): GateConnection | undefined {
    const rank = WORSE.find((worse) => this.#lines[worse].last !== undefined)
    return rank && this.#lines[rank].last
  }

  all(): GateConnection[] {
    return [...this.#connections]
  }

  #enter(connection: GateConnection, rank: Rank): void {
    connection.rank = rank
    this.#lines[rank].push(connection)
    this.#connections.add(connection)
  }
}

/** The connections of a rank in the order in which they got it. Adding and removing take constant time. */
class RankLine {
  #last: GateConnection | undefined

  /** The connection that arrived last, or undefined if there is none. */
  get last(): GateConnection | undefined {
    return this.#last
  }

  push(connection: GateConnection): void {
    connection.before = this.#last
    connection.behind = undefined
    if (this.#last !== undefined) this.#last.behind = connection
    this.#last = connection
  }

  /** Removes a connection, which must be in this line. */
  remove(connection: GateConnection): void {
    if (connection.before !== undefined) connection.before.behind = connection.behind
    if (connection.behind === undefined) this.#last = connection.before
    else connection.behind.before = connection.before
    connection.before = undefined
    connection.behind = undefined
  }
}
