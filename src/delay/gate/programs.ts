import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { errorText } from '../../lib/errors/fault.ts'
import type { System } from '../../lib/runtime/system.ts'
import type { Environment } from '../../lib/settings/settings.ts'
import type { ServerProgram } from '../shared/ucspi.ts'
import type { Visit, WaitEnd } from './visit.ts'

interface ProgramSchedulerOptions {
  readonly system: Pick<System, 'tcpInfo' | 'endReceiving'>
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Called for a visit whose program is being ended before its time. */
  readonly preempted: (visit: Visit) => void
}

/** Milliseconds between two looks at the programs while clients wait. */
const LOOK_EVERY = 500
/**
 * Milliseconds without progress after which a client with one program may be preempted. If a
 * client has several, this time is divided by their number.
 */
const PROGRAM_IDLE_MAX = 20_000
/** Bytes of a client that are progress. Few dialogues before DATA have as many, and most mail has more. */
const PROGRESS = 4096
/** Milliseconds that a program has to end. After them another one is preempted. */
const END_WITHIN = 5000

/** The program of a visit. */
interface RunningProgram {
  readonly startedAt: number
  /** When there was progress, and how many bytes had come by then. */
  progress: { readonly at: number; readonly bytes: number }
  /** When it was preempted; undefined if it was not. */
  preemptedAt: number | undefined
}

/**
 * Decides whose programs run, of which there is a limit. The next one is that of the client that has fewest;
 * among equals, of the one that connected first. If the limit is reached and a client waits, a client
 * is preempted that has more programs and makes no progress: its program finds the end of its input, and
 * the client still gets the answer that is under way. If all make progress, and a client has waited
 * for its first program for PROGRAM_IDLE_MAX, the slowest client is preempted.
 */
export class ProgramScheduler {
  readonly #most: number
  readonly #options: ProgramSchedulerOptions
  /** Visits in the order in which they connected, which is that of their ids. */
  readonly #waiting: Visit[] = []
  readonly #waitingSince = new Map<Visit, number>()
  readonly #running = new Map<Visit, RunningProgram>()
  /** How many programs each client has, without those that were preempted. */
  readonly #programsOf = new Map<string, number>()
  #looking: NodeJS.Timeout | undefined

  constructor(most: number, options: ProgramSchedulerOptions) {
    this.#most = most
    this.#options = options
  }

  /**
   * Waits until the visit may run its program, for at most `timeout` milliseconds. Resolves to 'turn' if it
   * may now, to 'left' if the client has left, and to 'silent' if the time is over.
   */
  async acquire(visit: Visit, timeout: number): Promise<WaitEnd> {
    if (this.#running.size < this.#most) {
      this.#run(visit)
      return 'turn'
    }
    this.#waiting.splice(this.#indexOf(visit), 0, visit)
    this.#waitingSince.set(visit, this.#options.uptime())
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY)
    const end = await visit.waitForLeaving(timeout)
    this.#waitNoMore(visit)
    return end
  }

  /** Its program has ended: the next may run. */
  release(visit: Visit): void {
    if (this.#running.get(visit)?.preemptedAt === undefined) this.#addTo(visit, -1)
    this.#running.delete(visit)
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waitNoMore(next)
      if (!next.callUp()) continue
      this.#run(next)
      return
    }
  }

  #run(visit: Visit): void {
    const startedAt = this.#options.uptime()
    this.#running.set(visit, {
      startedAt,
      progress: { at: startedAt, bytes: 0 },
      preemptedAt: undefined,
    })
    this.#addTo(visit, 1)
  }

  #addTo({ client }: Visit, more: number): void {
    const held = this.#countOf(client) + more
    if (held > 0) this.#programsOf.set(client, held)
    else this.#programsOf.delete(client)
  }

  #countOf(client: string): number {
    return this.#programsOf.get(client) ?? 0
  }

  /** The visit whose program is the next to run. */
  #next(): Visit | undefined {
    let best: Visit | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const visit of this.#waiting) {
      const held = this.#countOf(visit.client)
      if (held >= fewest) continue
      best = visit
      fewest = held
      if (held === 0) break
    }
    return best
  }

  #waitNoMore(visit: Visit): void {
    const index = this.#indexOf(visit)
    this.#waitingSince.delete(visit)
    if (this.#waiting[index] === visit) this.#waiting.splice(index, 1)
    if (this.#waiting.length > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  /** Preempts one program for each client that waits and has fewer than another. */
  #look(): void {
    const now = this.#options.uptime()
    let ending = 0
    for (const [visit, program] of this.#running) {
      if (program.preemptedAt === undefined) this.#noteProgress(visit, program, now)
      else if (now - program.preemptedAt < END_WITHIN) ending++
    }
    let slowest = this.#slowest(now)
    if (slowest === undefined && this.#idlest(0, now) === undefined) return
    // How many of the programs that are being ended make room for each client.
    const hopes = new Map<string, number>()
    for (const visit of this.#waiting) {
      const hoped = hopes.get(visit.client) ?? 0
      const programs = this.#countOf(visit.client) + hoped
      const mayHaveSlowest = programs === 0 && isLong(now - this.#waitingSince.get(visit)!)
      const giving = this.#idlest(programs, now) ?? (mayHaveSlowest ? slowest : undefined)
      if (giving === undefined) continue
      hopes.set(visit.client, hoped + 1)
      if (ending > 0) {
        ending--
        continue
      }
      this.#preempt(giving, now)
      slowest = this.#slowest(now)
    }
  }

  #noteProgress(visit: Visit, program: RunningProgram, now: number): void {
    const bytes = this.#options.system.tcpInfo(visit.fd)?.bytes ?? program.progress.bytes
    if (bytes - program.progress.bytes >= PROGRESS) program.progress = { at: now, bytes }
  }

  /**
   * The visit that is preempted for a client with so many programs: among the visits of the clients with
   * most, the one that made no progress for longest.
   */
  #idlest(programs: number, now: number): Visit | undefined {
    let found: Visit | undefined
    // If both clients have programs, one is preempted only if the numbers are more equal then.
    let most = programs === 0 ? 1 : programs + 2
    let since = Number.POSITIVE_INFINITY
    for (const [visit, { progress, preemptedAt }] of this.#running) {
      const held = this.#countOf(visit.client)
      if (preemptedAt !== undefined || held < most) continue
      if (now - progress.at < PROGRAM_IDLE_MAX / held) continue
      if (held === most && progress.at >= since) continue
      found = visit
      most = held
      since = progress.at
    }
    return found
  }

  /** Of the programs that have run for long, the one that has sent least for its time. */
  #slowest(now: number): Visit | undefined {
    let found: Visit | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [visit, { startedAt, progress, preemptedAt }] of this.#running) {
      const rate = progress.bytes / (now - startedAt)
      if (preemptedAt !== undefined || !isLong(now - startedAt) || rate >= least) continue
      found = visit
      least = rate
    }
    return found
  }

  #preempt(visit: Visit, now: number): void {
    this.#running.get(visit)!.preemptedAt = now
    this.#addTo(visit, -1)
    this.#options.system.endReceiving(visit.fd)
    this.#options.preempted(visit)
  }

  /** The index that a visit has, or would have, among those that wait; found by bisection. */
  #indexOf(visit: Visit): number {
    let [low, high] = [0, this.#waiting.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#waiting[middle]!.id < visit.id) low = middle + 1
      else high = middle
    }
    return low
  }
}

const isLong = (time: number) => time >= PROGRAM_IDLE_MAX

/** How a program ended, and whether its client behaved like a mail server. */
interface ProgramEnd {
  /** The signal that ended the program, in words; undefined if it exited. */
  readonly trouble: string | undefined
  readonly hasBehaved: boolean
}

/** Least bytes of a dialogue: `EHLO a`, `MAIL FROM:<>` and `QUIT`, each with its line end. */
const BYTES_MIN = 28
/** Least segments of these, since a mail server waits for the reply to each. */
const SEGMENTS_IN_MIN = 3
/** Least segments of the greeting and of these replies. */
const SEGMENTS_OUT_MIN = 4

/**
 * Starts the program with the connection as its fd 0 and 1, as tcpserver(1) does: blocking, and
 * with no signal ignored. Returns `why` if it cannot be started; the connection is still open then.
 * Otherwise the gate's descriptor is closed when the program ends: until then the kernel counts what
 * goes over the connection (TCP_INFO), and the gate reads nothing of it.
 */
export function startProgram(
  { program, args }: ServerProgram,
  visit: Visit,
  environment: Environment,
  system: System,
): { readonly pid: number; readonly ended: Promise<ProgramEnd> } | { readonly why: string } {
  let child: ChildProcess
  try {
    const env = { ...environment }
    child = spawn(program, args, { stdio: [visit.fd, visit.fd, 2], env, argv0: program })
    child.once('error', () => {}) // there is no process id then, which is looked at below
  } catch (error) {
    return { why: `${program}: ${errorText(error)}` }
  }
  const { pid } = child
  if (pid === undefined) {
    const why = 'cannot be started; is it there, and are there processes left?'
    return { why: `${program}: ${why}` }
  }
  return { pid, ended: endOf(child) }

  async function endOf(started: ChildProcess): Promise<ProgramEnd> {
    const [code, signal] = (await once(started, 'exit')) as [number | null, string | null]
    const counted = system.tcpInfo(visit.fd)
    visit.close()
    const hasSpoken =
      counted !== undefined &&
      counted.bytes >= BYTES_MIN &&
      counted.segmentsIn >= SEGMENTS_IN_MIN &&
      counted.segmentsOut >= SEGMENTS_OUT_MIN
    return {
      trouble: signal === null ? undefined : `${program}: ended by ${signal}`,
      hasBehaved: hasSpoken && code === 0,
    }
  }
}
