import type { System } from '../../base/runtime/system.ts'
import type { GateConnection, WaitEnd } from './gate-connection.ts'

interface ProgramSchedulerOptions {
  readonly system: Pick<System, 'tcpInfo' | 'endReceiving'>
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Called for a connection whose program is being ended before its time. */
  readonly preempted: (connection: GateConnection) => void
}

/** Milliseconds between two checks of the programs while clients wait. */
const LOOK_EVERY = 500
/**
 * Milliseconds without progress after which a client with one program may be preempted. If a
 * client has several, this time is divided by their number.
 */
const PROGRAM_IDLE_MAX = 20_000
/** Bytes of a client that are progress. Few dialogues before DATA have as many, and most mail has more. */
const PROGRESS = 4096
/** Milliseconds that a program has to end. After them another one is preempted. */
const END_TIMEOUT = 5000

interface RunningProgram {
  readonly startedAt: number
  /** The time of the last progress, and the number of bytes received by then. */
  progress: { readonly at: number; readonly bytes: number }
  /** The time at which it was preempted, or undefined if it was not. */
  preemptedAt: number | undefined
}

/**
 * Decides which clients' programs run, whose number is limited. The next one is that of the client with the
 * fewest programs; of equal clients, the one that connected first.
 *
 * If the limit is reached and a client waits, a client that has more programs and makes no progress is
 * preempted. Its program receives the end of its input, and the client still gets the answer under way. If
 * all make progress, and a client has waited for its first program for PROGRAM_IDLE_MAX, the slowest client
 * is preempted.
 */
export class ProgramScheduler {
  readonly #most: number
  readonly #options: ProgramSchedulerOptions
  /** Connections in the order in which they connected, which is that of their ids. */
  readonly #waiting: GateConnection[] = []
  readonly #waitingSince = new Map<GateConnection, number>()
  readonly #running = new Map<GateConnection, RunningProgram>()
  /** The number of programs of each client, without those that were preempted. */
  readonly #programsOf = new Map<string, number>()
  #looking: NodeJS.Timeout | undefined

  constructor(most: number, options: ProgramSchedulerOptions) {
    this.#most = most
    this.#options = options
  }

  /**
   * Waits until the connection may run its program, for at most `timeout` milliseconds. Resolves to 'program' if
   * it may now, to 'left' if the client has disconnected, and to 'silent' if the time has ended.
   */
  async acquire(connection: GateConnection, timeout: number): Promise<WaitEnd> {
    if (this.#running.size < this.#most) {
      this.#run(connection)
      return 'program'
    }
    this.#waiting.splice(this.#indexOf(connection), 0, connection)
    this.#waitingSince.set(connection, this.#options.uptime())
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY)
    const end = await connection.waitForLeaving(timeout)
    this.#waitNoMore(connection)
    return end
  }

  /** Its program has ended: the next may run. */
  release(connection: GateConnection): void {
    if (this.#running.get(connection)?.preemptedAt === undefined) this.#addTo(connection, -1)
    this.#running.delete(connection)
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waitNoMore(next)
      if (!next.wake()) continue
      this.#run(next)
      return
    }
  }

  #run(connection: GateConnection): void {
    const startedAt = this.#options.uptime()
    this.#running.set(connection, {
      startedAt,
      progress: { at: startedAt, bytes: 0 },
      preemptedAt: undefined,
    })
    this.#addTo(connection, 1)
  }

  #addTo({ client }: GateConnection, more: number): void {
    const held = this.#countOf(client) + more
    if (held > 0) this.#programsOf.set(client, held)
    else this.#programsOf.delete(client)
  }

  #countOf(client: string): number {
    return this.#programsOf.get(client) ?? 0
  }

  /** The connection whose program is the next to run. */
  #next(): GateConnection | undefined {
    let best: GateConnection | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const connection of this.#waiting) {
      const held = this.#countOf(connection.client)
      if (held >= fewest) continue
      best = connection
      fewest = held
      if (held === 0) break
    }
    return best
  }

  #waitNoMore(connection: GateConnection): void {
    const index = this.#indexOf(connection)
    this.#waitingSince.delete(connection)
    if (this.#waiting[index] === connection) this.#waiting.splice(index, 1)
    if (this.#waiting.length > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  /** Preempts one program for each client that waits and has fewer than another. */
  #look(): void {
    const now = this.#options.uptime()
    let ending = 0
    for (const [connection, program] of this.#running) {
      if (program.preemptedAt === undefined) this.#noteProgress(connection, program, now)
      else if (now - program.preemptedAt < END_TIMEOUT) ending++
    }
    let slowest = this.#slowest(now)
    if (slowest === undefined && this.#idlest(0, now) === undefined) return
    // The number of ending programs that free a slot for each client.
    const expected = new Map<string, number>()
    for (const connection of this.#waiting) {
      const before = expected.get(connection.client) ?? 0
      const programs = this.#countOf(connection.client) + before
      const mayHaveSlowest = programs === 0 && isLong(now - this.#waitingSince.get(connection)!)
      const giving = this.#idlest(programs, now) ?? (mayHaveSlowest ? slowest : undefined)
      if (giving === undefined) continue
      expected.set(connection.client, before + 1)
      if (ending > 0) {
        ending--
        continue
      }
      this.#preempt(giving, now)
      slowest = this.#slowest(now)
    }
  }

  #noteProgress(connection: GateConnection, program: RunningProgram, now: number): void {
    const bytes = this.#options.system.tcpInfo(connection.fd)?.bytes ?? program.progress.bytes
    if (bytes - program.progress.bytes >= PROGRESS) program.progress = { at: now, bytes }
  }

  /**
   * Returns the connection to preempt for a client with this number of programs. It belongs to a client with
   * the most programs, and made no progress for the longest time.
   */
  #idlest(programs: number, now: number): GateConnection | undefined {
    let found: GateConnection | undefined
    // If both clients have programs, one is preempted only if the numbers are more equal then.
    let most = programs === 0 ? 1 : programs + 2
    let since = Number.POSITIVE_INFINITY
    for (const [connection, { progress, preemptedAt }] of this.#running) {
      const held = this.#countOf(connection.client)
      if (preemptedAt !== undefined || held < most) continue
      if (now - progress.at < PROGRAM_IDLE_MAX / held) continue
      if (held === most && progress.at >= since) continue
      found = connection
      most = held
      since = progress.at
    }
    return found
  }

  /** Returns, of the programs that have run for long, the one with the lowest send rate. */
  #slowest(now: number): GateConnection | undefined {
    let found: GateConnection | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [connection, { startedAt, progress, preemptedAt }] of this.#running) {
      const rate = progress.bytes / (now - startedAt)
      if (preemptedAt !== undefined || !isLong(now - startedAt) || rate >= least) continue
      found = connection
      least = rate
    }
    return found
  }

  #preempt(connection: GateConnection, now: number): void {
    this.#running.get(connection)!.preemptedAt = now
    this.#addTo(connection, -1)
    this.#options.system.endReceiving(connection.fd)
    this.#options.preempted(connection)
  }

  /** Returns the index that a connection has, or would have, among the waiting ones; found by bisection. */
  #indexOf(connection: GateConnection): number {
    let [low, high] = [0, this.#waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#waiting[middle]!.id < connection.id) low = middle + 1
      else high = middle
    }
    return low
  }
}

const isLong = (time: number) => time >= PROGRAM_IDLE_MAX
