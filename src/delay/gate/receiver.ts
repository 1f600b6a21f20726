import { errorText } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import type { AcceptedConnection } from '../../base/runtime/system.ts'
import type { ServerProgram } from '../options/ucspi.ts'
import type { DelayLog } from '../outcome/delay-log.ts'
import {
  closingLine,
  outcomeOf,
  refuseEarlyTalker,
  whyWithProtocol,
} from '../outcome/early-talkers.ts'
import type { DelayJudgement } from '../plan/plan.ts'
import { ConnectionPreparer, type ConnectionTools } from './connection-preparer.ts'
import { GateConnection } from './gate-connection.ts'
import type { Listeners } from './listeners.ts'
import { ProgramScheduler } from './program-scheduler.ts'
import { startProgram } from './start-program.ts'
import type { WaitingConnections } from './waiting-connections.ts'

interface ReceiverOptions extends ConnectionTools {
  readonly next: ServerProgram
  readonly waiting: WaitingConnections
  readonly log: DelayLog
}

/**
 * Receives clients: lets them wait, decides how long each one waits, and starts the
 * program for it, or sends it away.
 */
export class Receiver {
  readonly #parts: ReceiverOptions
  readonly #preparer: ConnectionPreparer
  readonly #scheduler: ProgramScheduler
  readonly #countOfClient = new Map<string, number>()

  /** Throws a Fault if a list cannot be read. */
  constructor(parts: ReceiverOptions) {
    this.#parts = parts
    this.#preparer = new ConnectionPreparer(parts)
    const { gate, system, uptime, log } = parts
    const preempted = (connection: GateConnection) =>
      log.event('ended', connection, 'closed in favour of a client with fewer connections')
    this.#scheduler = new ProgramScheduler(gate.programs, { system, uptime, preempted })
  }

  /** Receives a client that has connected. */
  arrive(peer: AcceptedConnection, listeners: Listeners): void {
    const connection = this.#admit(peer, listeners)
    if (connection === undefined) return
    this.#receive(connection)
      .catch((error) => {
        this.#parts.log.trouble(errorText(error))
        this.#sendAway(connection, 'temporary trouble; try again')
      })
      .finally(() => this.#end(connection, listeners))
  }

  /** Reads all lists again. If one cannot be read, the old lists stay, and the log reports that. */
  reload(): void {
    try {
      this.#preparer.reload()
    } catch (error) {
      this.#parts.log.trouble(errorText(error))
    }
  }

  /** Sends all clients that wait away, with 421 and the text. */
  sendAllAway(text: string): void {
    for (const connection of this.#parts.waiting.all()) this.#sendAway(connection, text)
  }

  /** Lets a new client wait. Returns undefined if it had to be sent away. */
  #admit(peer: AcceptedConnection, listeners: Listeners): GateConnection | undefined {
    const { gate, system, waiting, uptime } = this.#parts
    const connection = new GateConnection(listeners.newId(), peer, system, uptime)
    const others = this.#countOfClient.get(connection.client) ?? 0
    if (others >= gate.perClient) {
      return this.#sendAway(connection, 'too many connections from your address')
    }
    if (waiting.isFull) {
      const worst = waiting.worst()
      const reason = 'too many clients are waiting; try again'
      if (worst === undefined) return this.#sendAway(connection, reason)
      this.#sendAway(worst, reason)
    }
    if (!connection.watchFromNowOn()) return this.#sendAway(connection, 'no resources; try again')
    this.#countOfClient.set(connection.client, others + 1)
    waiting.enter(connection)
    listeners.onEvents(connection.id, (event) => connection.onEvent(event))
    listeners.pollSoon()
    return connection
  }

  async #receive(connection: GateConnection): Promise<void> {
    const { waiting, remembered, log, system } = this.#parts
    const prepared = await this.#preparer.prepare(connection)
    if (connection.isClosed) return
    if (prepared === undefined) return log.event('denied', connection, 'a rule denies it')
    const { plan, environment, wrong } = prepared
    if (wrong !== undefined) log.trouble(wrong)
    if (plan.kind === 'pass') return this.#serve(connection, environment, plan.reason)

    const rank = (judged: DelayJudgement) => {
      if (judged.class === 'nameless' || judged.class === 'dynamic')
        waiting.setRank(connection, judged.class)
    }
    plan.judgement.then(rank, () => {}) // `outcomeOf` gets the rejection, too
    const outcome = await outcomeOf(plan, (delay) => connection.waitForGreeting(delay))
    if (connection.isClosed) return
    if (outcome.event === 'passed') return this.#serve(connection, environment, outcome.reason)
    const isEarly = outcome.event === 'talked'
    const reason = isEarly ? whyWithProtocol(outcome.reason, connection.fd, system) : outcome.reason
    log.event(outcome.event, connection, reason)
    if (!isEarly) return
    remembered.forget(connection.client)
    waiting.setRank(connection, 'talked')
    await this.#refuse(connection, environment)
  }

  /** Holds an early talker, and then refuses it, or starts the program to do so. */
  async #refuse(connection: GateConnection, environment: Environment): Promise<void> {
    const { options, log, uptime } = this.#parts
    const waitEnd = await connection.waitForLeaving(options.penaltySeconds * 1000)
    if (connection.isClosed || waitEnd === 'left') return
    if (!options.refusesHere) {
      return this.#serve(connection, { ...environment, RBLSMTPD: options.text }, undefined)
    }
    log.refused(connection, 451, options.text)
    await refuseEarlyTalker(connection, options.text, uptime)
  }

  /**
   * Starts the program as soon as it may run. `reason` is for the log. It is undefined for an early
   * talker, which was logged already.
   */
  async #serve(
    connection: GateConnection,
    environment: Environment,
    reason: string | undefined,
  ): Promise<void> {
    const { gate, log } = this.#parts
    const end = await this.#scheduler.acquire(connection, gate.waitSeconds * 1000)
    if (end === 'program') {
      try {
        await this.#run(connection, environment, reason)
      } finally {
        this.#scheduler.release(connection)
      }
      return
    }
    if (connection.isClosed) return
    if (end === 'left') log.event('left', connection, reason ?? 'talked')
    else this.#sendAway(connection, 'all servers are busy; try again')
  }

  /** Starts the program, and resolves when it has ended. */
  async #run(
    connection: GateConnection,
    environment: Environment,
    reason: string | undefined,
  ): Promise<void> {
    if (connection.isClosed) return
    const { gate, next, system, waiting, remembered, log } = this.#parts
    const hasWaited = reason !== undefined
    waiting.leave(connection)
    connection.handOver()
    if (!gate.keepsIpOptions) system.dropIpOptions(connection.fd)
    if (gate.isNoDelay) system.sendAtOnce(connection.fd)
    const started = startProgram(next, connection, environment, system)
    if ('reason' in started) {
      log.trouble(started.reason)
      return this.#sendAway(connection, 'the server cannot be started; try again')
    }
    if (hasWaited) log.event('passed', connection, reason, started.pid)
    const { trouble, hasBehaved } = await started.ended
    if (trouble !== undefined) log.trouble(trouble)
    if (hasWaited && hasBehaved) remembered.add(connection.client)
  }

  /** Sends a client 421 and closes its connection, and logs that. */
  #sendAway(connection: GateConnection, reason: string): undefined {
    const { waiting, log } = this.#parts
    if (connection.isClosed) return
    log.refused(connection, 421, reason)
    connection.write(closingLine(reason))
    connection.endSending()
    waiting.leave(connection)
    connection.close()
  }

  /** Closes the connection of a client that was admitted, and counts it no more. */
  #end(connection: GateConnection, listeners: Listeners): void {
    listeners.forget(connection.id)
    this.#parts.waiting.leave(connection)
    connection.close()
    const others = (this.#countOfClient.get(connection.client) ?? 1) - 1
    if (others > 0) this.#countOfClient.set(connection.client, others)
    else this.#countOfClient.delete(connection.client)
  }
}
