import type { Cause } from '../shared/cause.ts'
import {
  clean,
  harmed,
  infected,
  isLate,
  over,
  type Sample,
  type ScannerAnswer,
  type ScanTask,
  unknown,
} from '../shared/scanner.ts'
import { type ClamdAddress, isLocal } from './address.ts'
import { COMES_BACK_AFTER_DEATH, COMES_BACK_WITHIN, lengthOfPause, pause } from './back-off.ts'
import type { ClamdReply } from './clamd-reply.ts'
import type { Health } from './health.ts'
import type { ClamdServer } from './server.ts'
import { CONVERSATIONS_MAX, type ServerQueue } from './server-queue.ts'
import type { Absence, ClamdOutcome } from './session.ts'
import type { Versions } from './versions.ts'

/** Most servers that may break under one message: a message that broke two may break the next one. */
const BROKEN_MAX = 2

/** The servers of CLAMD, and what is known about them. */
export interface ClamdServers {
  readonly list: readonly ClamdServer[]
  readonly health: Health<ClamdServer>
  readonly queue: ServerQueue<ClamdServer>
  readonly versions: Versions<ClamdServer>
}

/**
 * Asks one server after another until one of them answers. If none could be reached, but some may
 * be in a moment, asks these again after a pause, until the deadline.
 */
export async function askInTurn(
  servers: ClamdServers,
  sample: Sample,
  task: ScanTask,
): Promise<ScannerAnswer> {
  const search = new ServerSearch(servers, sample, task)
  for (let pauses = 0; search.goesOn; ) {
    if (search.hasAskedAll) {
      await pause(lengthOfPause(pauses++), task.signal)
      search.askAgain()
    }
    const server = await servers.queue.take(() => search.preferred(), task.signal, sample.size)
    if (server === undefined) {
      search.noteFullQueues()
      break
    }
    const answer = await search.ask(server)
    if (answer !== undefined) return answer
  }
  return search.couldNotTell()
}

const CAUSE_OF = {
  unreachable: 'unreachable',
  broken: 'broken-off',
  'timed-out': 'timeout',
} as const satisfies Record<string, Cause>

type ClamdFailure = Exclude<ClamdOutcome<never>, { kind: 'answered' }>

/** The search for a server that answers about one message. */
class ServerSearch {
  readonly #servers: ClamdServers
  readonly #sample: Sample
  readonly #task: ScanTask
  /**
   * The last of several servers. While messages are suspected of killing scanners, it is theirs
   * alone: if it dies of one, it has no other mail.
   */
  readonly #apart: ClamdServer | undefined
  /** What went wrong at each server, for the log. */
  readonly #troubles = new Map<ClamdServer, string>()
  /** The servers that may still answer. */
  readonly #left: Set<ClamdServer>
  /** Those of them that were not asked since the last pause. */
  #round: Set<ClamdServer>
  #broken = 0
  #hasOutlasted = false
  #isOver = false
  /** The cause of the last trouble. */
  #cause: Cause = 'timeout'

  constructor(servers: ClamdServers, sample: Sample, task: ScanTask) {
    this.#servers = servers
    this.#sample = sample
    this.#task = task
    const { list } = servers
    this.#apart = list.length > 1 ? list.at(-1) : undefined
    this.#left = new Set(task.suspects === 'this' && this.#apart ? [this.#apart] : list)
    this.#round = new Set(this.#left)
  }

  get goesOn(): boolean {
    return !this.#isOver && this.#left.size > 0
  }

  get hasAskedAll(): boolean {
    return this.#round.size === 0
  }

  askAgain(): void {
    this.#round = new Set(this.#left)
  }

  /** The servers to ask now, the best one first. Those that failed lately are asked only if no other is left. */
  preferred(): readonly ClamdServer[] {
    const { health, queue } = this.#servers
    const healthy = [...this.#round].filter((server) => !health.isResting(server))
    if (healthy.length === 0) return [...this.#round]
    const shared = this.#task.suspects
      ? healthy.filter((server) => server !== this.#apart)
      : healthy
    return byLoad(shared.length > 0 ? shared : healthy, queue)
  }

  /** Asks one server. Returns its answer, or undefined if it gave none. */
  async ask(server: ClamdServer): Promise<ScannerAnswer | undefined> {
    const { health, queue, versions } = this.#servers
    const task = this.#task
    this.#round.delete(server)
    const version = versions.of(server)
    const outcome = await server.scan(this.#sample, task).finally(() => {
      queue.leave(server, this.#sample.size)
    })
    if (outcome.kind !== 'answered') {
      this.#noteFailure(server, outcome)
      return undefined
    }
    health.answered(server)
    task.signatures?.('clamd', version)
    for (const trouble of this.#troubles.values()) task.note(trouble)
    return scannerAnswerOf(outcome.answer, server.address)
  }

  #noteFailure(server: ClamdServer, failure: ClamdFailure): void {
    const { health } = this.#servers
    this.#note(server, failure.why)
    this.#cause = CAUSE_OF[failure.kind]
    if (failure.kind === 'unreachable') {
      if (!this.#mayComeBack(failure.state, server)) this.#left.delete(server)
      if (failure.broke) this.#noteBroken()
      return
    }
    this.#left.delete(server)
    const isAtDeadline = isLate(this.#task.signal)
    // If the client has gone, nobody waits for the answer any more, and the server is not to blame.
    if (failure.kind === 'broken' || isAtDeadline) health.failed(server)
    if (failure.kind === 'broken') {
      this.#noteBroken()
    } else {
      this.#hasOutlasted = isAtDeadline
      this.#isOver = true // clamd may go on scanning, so no other server gets the message
    }
  }

  #noteBroken(): void {
    if (++this.#broken === BROKEN_MAX) this.#isOver = true
  }

  /** Notes that the deadline passed while the message waited for a server. */
  noteFullQueues(): void {
    const why = `${CONVERSATIONS_MAX} messages at once, and no end of one within the time limit`
    for (const server of this.#left) {
      if (!this.#troubles.has(server)) this.#note(server, why)
      else if (isLate(this.#task.signal)) this.#servers.health.failed(server)
    }
  }

  couldNotTell(): ScannerAnswer {
    const why = [...this.#troubles.values()].join('; ')
    return (this.#broken > 0 || this.#hasOutlasted ? harmed : unknown)(why, this.#cause)
  }

  #note(server: ClamdServer, why: string): void {
    this.#troubles.set(server, `clamd ${server.address.text}: ${why}`)
  }

  /** A server whose queue is full is up: that says nothing about its health. */
  #mayComeBack(state: Absence, server: ClamdServer): boolean {
    if (state === 'full') return true
    const hasDied = this.#task.suspects !== undefined && state !== 'silent'
    const within = hasDied ? COMES_BACK_AFTER_DEATH : COMES_BACK_WITHIN[state]
    return this.#servers.health.missed(server) < within
  }
}

/**
 * Puts the server with the fewest messages for its weight first; of equals a local one, then in the
 * order of CLAMD.
 */
function byLoad(
  servers: readonly ClamdServer[],
  queue: ServerQueue<ClamdServer>,
): readonly ClamdServer[] {
  if (servers.length === 1) return servers
  const load = (server: ClamdServer) => (queue.underWayAt(server) + 1) / server.address.weight
  const distance = ({ address }: ClamdServer) => (isLocal(address) ? 0 : 1)
  return servers.toSorted((a, b) => load(a) - load(b) || distance(a) - distance(b))
}

function scannerAnswerOf(reply: ClamdReply, server: ClamdAddress): ScannerAnswer {
  switch (reply.says) {
    case 'clean':
      return clean
    case 'infected':
      return infected(reply.name)
    case 'over':
      return over(reply.limit, `clamd ${server.text}: ${reply.text}`)
    case 'no-access':
    case 'trouble':
      return unknown(`clamd ${server.text}: ${reply.text}`)
  }
}
