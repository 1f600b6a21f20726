import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { errorText } from '../../lib/errors/fault.ts'
import type { System } from '../../lib/runtime/system.ts'
import type { Environment } from '../../lib/settings/settings.ts'
import type { ServerProgram } from '../shared/ucspi.ts'
import type { Visit, WaitEnd } from './visit.ts'

interface ProgramPlacesOptions {
  readonly system: Pick<System, 'counts' | 'endReceiving'>
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Called for a visit whose program is being ended. */
  readonly gaveWay: (visit: Visit) => void
}

/** Milliseconds between two looks at the programs while clients wait. */
const LOOK_EVERY = 500
/**
 * Milliseconds without progress after which a client with one place may have to give it up. If a
 * client has several places, this time is divided by their number.
 */
const PLACE_IDLE_MAX = 20_000
/** Bytes of a client that are progress. Few dialogues before DATA have as many, and most mail has more. */
const PROGRESS = 4096
/** Milliseconds that a program has to end. After them another place is made free. */
const END_WITHIN = 5000

/** The place that a visit has. */
interface HeldPlace {
  readonly beganAt: number
  /** When there was progress, and how many bytes had come by then. */
  progress: { readonly at: number; readonly bytes: number }
  /** When its client had to give way; undefined if it need not. */
  endedAt: number | undefined
}

/**
 * The places of the programs that run at once. A free place is given to the client that has fewest;
 * among equals, to the one that connected first. If all are taken and a client waits, a client
 * gives way that has more places and makes no progress: its program finds the end of its input, and
 * the client still gets the answer that is under way. If all make progress, and a client has waited
 * for its first place for PLACE_IDLE_MAX, the slowest client gives way.
 */
export class ProgramPlaces {
  readonly #most: number
  readonly #options: ProgramPlacesOptions
  /** Visits in the order in which they connected, which is that of their ids. */
  readonly #waiting: Visit[] = []
  readonly #waitingSince = new Map<Visit, number>()
  readonly #places = new Map<Visit, HeldPlace>()
  /** How many places each client has, without those that it has to give back. */
  readonly #held = new Map<string, number>()
  #looking: NodeJS.Timeout | undefined

  constructor(most: number, options: ProgramPlacesOptions) {
    this.#most = most
    this.#options = options
  }

  /**
   * Waits for a place, for at most `timeout` milliseconds. Resolves to 'turn' if the visit has a
   * place now, to 'left' if the client has left, and to 'silent' if the time is over.
   */
  async take(visit: Visit, timeout: number): Promise<WaitEnd> {
    if (this.#places.size < this.#most) {
      this.#begin(visit)
      return 'turn'
    }
    this.#waiting.splice(this.#indexOf(visit), 0, visit)
    this.#waitingSince.set(visit, this.#options.uptime())
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY)
    const end = await visit.waitForLeaving(timeout)
    this.#waitNoMore(visit)
    return end
  }

  /** Takes back the place of a visit, and gives it to the next. */
  giveBack(visit: Visit): void {
    if (this.#places.get(visit)?.endedAt === undefined) this.#hold(visit, -1)
    this.#places.delete(visit)
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waitNoMore(next)
      if (!next.callUp()) continue
      this.#begin(next) // the next visit has the place now
      return
    }
  }

  #begin(visit: Visit): void {
    const beganAt = this.#options.uptime()
    this.#places.set(visit, { beganAt, progress: { at: beganAt, bytes: 0 }, endedAt: undefined })
    this.#hold(visit, 1)
  }

  #hold({ client }: Visit, more: number): void {
    const held = this.#heldBy(client) + more
    if (held > 0) this.#held.set(client, held)
    else this.#held.delete(client)
  }

  #heldBy(client: string): number {
    return this.#held.get(client) ?? 0
  }

  /** The visit that is to have the next place. */
  #next(): Visit | undefined {
    let best: Visit | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const visit of this.#waiting) {
      const held = this.#heldBy(visit.client)
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

  /** Makes places free, one for each client that waits for one and has fewer than another. */
  #look(): void {
    const now = this.#options.uptime()
    let ending = 0
    for (const [visit, place] of this.#places) {
      if (place.endedAt === undefined) this.#noteProgress(visit, place, now)
      else if (now - place.endedAt < END_WITHIN) ending++
    }
    let slowest = this.#slowest(now)
    if (slowest === undefined && this.#idlest(0, now) === undefined) return
    // How many of the places that are being made free are meant for each client.
    const hopes = new Map<string, number>()
    for (const visit of this.#waiting) {
      const hoped = hopes.get(visit.client) ?? 0
      const places = this.#heldBy(visit.client) + hoped
      const mayHaveSlowest = places === 0 && isLong(now - this.#waitingSince.get(visit)!)
      const giving = this.#idlest(places, now) ?? (mayHaveSlowest ? slowest : undefined)
      if (giving === undefined) continue
      hopes.set(visit.client, hoped + 1)
      if (ending > 0) {
        ending--
        continue
      }
      this.#end(giving, now)
      slowest = this.#slowest(now)
    }
  }

  #noteProgress(visit: Visit, place: HeldPlace, now: number): void {
    const bytes = this.#options.system.counts(visit.fd)?.bytes ?? place.progress.bytes
    if (bytes - place.progress.bytes >= PROGRESS) place.progress = { at: now, bytes }
  }

  /**
   * The visit that gives way to a client with so many places: among the visits of the clients with
   * most places, the one that made no progress for longest.
   */
  #idlest(places: number, now: number): Visit | undefined {
    let found: Visit | undefined
    // If both clients have places, one moves only if the numbers are more equal then.
    let most = places === 0 ? 1 : places + 2
    let since = Number.POSITIVE_INFINITY
    for (const [visit, { progress, endedAt }] of this.#places) {
      const held = this.#heldBy(visit.client)
      if (endedAt !== undefined || held < most) continue
      if (now - progress.at < PLACE_IDLE_MAX / held) continue
      if (held === most && progress.at >= since) continue
      found = visit
      most = held
      since = progress.at
    }
    return found
  }

  /** Of the visits that have had their place for long, the one that has sent least for its time. */
  #slowest(now: number): Visit | undefined {
    let found: Visit | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [visit, { beganAt, progress, endedAt }] of this.#places) {
      const rate = progress.bytes / (now - beganAt)
      if (endedAt !== undefined || !isLong(now - beganAt) || rate >= least) continue
      found = visit
      least = rate
    }
    return found
  }

  #end(visit: Visit, now: number): void {
    this.#places.get(visit)!.endedAt = now
    this.#hold(visit, -1)
    this.#options.system.endReceiving(visit.fd)
    this.#options.gaveWay(visit)
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

const isLong = (time: number) => time >= PLACE_IDLE_MAX

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
    const counted = system.counts(visit.fd)
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
