import { setTimeout as pause } from 'node:timers/promises'
import { doubledPause } from '../../../../base/flow/back-off.ts'
import { isLate, type Sample, type ScannerCall } from '../contract/scanner.ts'
import {
  type Cause,
  type ScanResult,
  scannerDied,
  type UnknownResult,
  unknown,
} from '../findings/scan-result.ts'
import { hasEnded } from './clamd-peer.ts'
import type { ClamdServer } from './clamd-server.ts'
import type { Absence, ClamdOutcome } from './session.ts'

/**
 * Upper limit for the servers that may break under one message, or have no result for it: a message that broke two may break
 * the next one.
 */
const BROKEN_MAX = 2

/**
 * Milliseconds for which a server that cannot be reached is tried again, counted from the first message that
 * did not reach it, documented in onescan-clamav(7). A server with a full queue is tried until the message's
 * own deadline.
 */
export const RETRY_TIMEOUTS: Readonly<Record<Exclude<Absence, 'full'>, number>> = {
  away: 3_000, // a restart
  silent: 15_000, // three attempts over TCP
}

/** Milliseconds until the next attempt, which are doubled each time. */
const PAUSES = { first: 5, longest: 250 }

/**
 * Tries one server after another until one of them has a result. If none could be reached, but some may recover
 * soon, tries these again after a pause, until the deadline.
 */
export async function scanByServers(
  servers: readonly ClamdServer[],
  samples: readonly Sample[],
  task: ScannerCall,
): Promise<ScanResult> {
  const search = new ServerSearch(servers, samples, task)
  for (let pauses = 0; search.goesOn; ) {
    if (search.hasTriedAll) {
      // A random part of it, so that messages do not return all at once.
      const length = doubledPause(pauses++, PAUSES) * (0.5 + Math.random() / 2)
      await pause(length, undefined, { signal: task.signal }).catch(() => {})
      search.startRound()
    }
    if (task.signal.aborted) {
      search.noteEnd()
      break
    }
    const answer = await search.scanByNext()
    if (answer !== undefined) return answer
  }
  return search.unknownResult()
}

const CAUSE_OF = {
  unreachable: 'unreachable',
  broken: 'broken-off',
  'timed-out': 'timeout',
  'not scanning': 'scanner-error',
} as const satisfies Record<string, Cause>

type ClamdFailure = Exclude<ClamdOutcome<never>, { kind: 'answered' }>

/** The search for a server that answers about one message. */
class ServerSearch {
  readonly #samples: readonly Sample[]
  readonly #task: ScannerCall
  /** The error of each server, for the log. */
  readonly #troubles = new Map<ClamdServer, string>()
  /** The servers that may still answer. */
  readonly #left: Set<ClamdServer>
  /** The servers that were not asked since the last pause. */
  #round: Set<ClamdServer>
  #broken = 0
  #hasDied = false
  #isOver = false
  /** Whether the server that was asked last is away. */
  #mayBeDown = false
  /** The cause of the last trouble. */
  #cause: Cause = 'timeout'
  /** The first reply that is not a result. */
  #noResult: ScanResult | undefined

  constructor(servers: readonly ClamdServer[], samples: readonly Sample[], task: ScannerCall) {
    this.#samples = samples
    this.#task = task
    this.#left = new Set(servers)
    this.#round = new Set(this.#left)
  }

  get goesOn(): boolean {
    return !this.#isOver && this.#left.size > 0
  }

  get hasTriedAll(): boolean {
    return this.#round.size === 0
  }

  startRound(): void {
    this.#round = new Set(this.#left)
  }

  /** Queries the next server. Returns its answer, or undefined if it gave none. */
  async scanByNext(): Promise<ScanResult | undefined> {
    const task = this.#task
    const server = this.#next()
    this.#round.delete(server)
    const { version } = server
    const outcome = await server.scan(this.#samples, task)
    if (outcome.kind === 'answered' && isNoResult(outcome.reply)) {
      // The server is well enough to report it. Another one may have memory, disk space or signatures.
      this.#left.delete(server)
      this.#note(server, outcome.reply.reason)
      this.#noResult ??= withServerAddress(server, outcome.reply)
      this.#noteBroken()
      return undefined
    }
    if (outcome.kind !== 'answered') {
      this.#noteFailure(server, outcome)
      this.#hasDied ||= await hasDied(server, outcome)
      return undefined
    }
    task.signatures?.('clamd', version)
    for (const trouble of this.#troubles.values()) task.note(trouble)
    return withServerAddress(server, outcome.reply)
  }

  /**
   * Returns the server with the fewest conversations; of equal ones the first in CLAMD. Servers that failed
   * recently are used only if no other is left. The server that has scanned other contents of the message
   * comes first, because it caches clean results.
   */
  #next(): ClamdServer {
    const round = [...this.#round]
    const healthy = round.filter((server) => !server.isBackedOff)
    const known = healthy.find((server) => server.hasAnswered(this.#task))
    // The sort is stable.
    const [first] = (healthy.length > 0 ? healthy : round).toSorted(
      (server, other) => server.underWay - other.underWay,
    )
    return known ?? first!
  }

  #noteFailure(server: ClamdServer, failure: ClamdFailure): void {
    this.#note(server, failure.reason)
    this.#cause = CAUSE_OF[failure.kind]
    if (failure.kind === 'unreachable') {
      this.#mayBeDown = failure.state === 'away'
      if (!this.#mayComeBack(failure.state, server)) this.#left.delete(server)
      if (failure.broke) this.#noteBroken()
      return
    }
    this.#left.delete(server)
    if (failure.kind === 'broken') this.#noteBroken()
    // clamd may go on scanning, so no other server gets the message.
    if (failure.kind === 'timed-out') this.#isOver = true
  }

  #noteBroken(): void {
    if (++this.#broken === BROKEN_MAX) this.#isOver = true
  }

  /** Notes that the deadline is reached while servers could not be reached. */
  noteEnd(): void {
    for (const server of this.#left) {
      if (!this.#troubles.has(server)) this.#note(server, 'was not asked within the time limit')
      else if (isLate(this.#task.signal)) server.failed()
    }
  }

  unknownResult(): ScanResult {
    if (this.#noResult !== undefined && this.#troubles.size === 1) return this.#noResult
    const remedy = this.#mayBeDown
      ? ['start clamd, or correct CLAMD (onescan check shows the details)']
      : []
    const reason = [...this.#troubles.values(), ...remedy].join('; ')
    return (this.#hasDied ? scannerDied : unknown)(reason, this.#cause)
  }

  #note(server: ClamdServer, reason: string): void {
    this.#troubles.set(server, `clamd ${server.address.text}: ${reason}`)
  }

  #mayComeBack(state: Absence, server: ClamdServer): boolean {
    if (state === 'full') return true
    return server.missingFor < RETRY_TIMEOUTS[state]
  }
}

/**
 * Resolves to whether the server has died with the message. The end of a TCP connection does not show that: it may
 * be the network, or a program in between. A unix socket has nothing in between, so there the process is looked at,
 * or, where it is not seen, whether the socket answers no longer.
 */
async function hasDied(server: ClamdServer, failure: ClamdFailure): Promise<boolean> {
  const { peer } = (failure.kind === 'broken' ? failure : 'broke' in failure && failure.broke) || {}
  if (peer === undefined) return false
  if (peer !== 'unknown') return hasEnded(peer)
  return failure.kind !== 'broken' || server.isMute()
}

/** Returns whether a reply is neither OK nor FOUND. (A time limit that clamd names with FOUND is a result.) */
const isNoResult = (reply: ScanResult): reply is UnknownResult =>
  reply.answer === 'unknown' && reply.cause !== 'limit'

/** The result, with the server in its reason. */
function withServerAddress({ address }: ClamdServer, result: ScanResult): ScanResult {
  if (!('reason' in result)) return result
  return { ...result, reason: `clamd ${address.text}: ${result.reason}` }
}
