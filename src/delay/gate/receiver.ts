import { errorText } from '../../lib/errors/fault.ts'
import type { AcceptedConnection } from '../../lib/runtime/system.ts'
import type { Environment } from '../../lib/settings/settings.ts'
import { closingLine, talk } from '../shared/conversation.ts'
import { type DelayJudgement, outcomeOf } from '../shared/plan.ts'
import type { ServerProgram } from '../shared/ucspi.ts'
import type { GateLog } from './gate-log.ts'
import type { Listeners } from './listeners.ts'
import { ProgramScheduler, startProgram } from './programs.ts'
import { Visit } from './visit.ts'
import { VisitPreparer, type VisitTools } from './visit-preparer.ts'
import type { WaitingVisits } from './waiting-visits.ts'

interface ReceiverOptions extends VisitTools {
  readonly next: ServerProgram
  readonly waiting: WaitingVisits
  readonly log: GateLog
}

/**
 * Receives clients: lets them wait, decides how long each one waits, and starts the
 * program for it, or sends it away.
 */
export class Receiver {
  readonly #parts: ReceiverOptions
  readonly #preparer: VisitPreparer
  readonly #scheduler: ProgramScheduler
  /** How many connections each client has. */
  readonly #connections = new Map<string, number>()

  /** Throws a Fault if a list cannot be read. */
  constructor(parts: ReceiverOptions) {
    this.#parts = parts
    this.#preparer = new VisitPreparer(parts)
    const { gate, system, uptime, log } = parts
    const preempted = (visit: Visit) =>
      log.connection('ended', visit, 'gives its place to a client that has fewer')
    this.#scheduler = new ProgramScheduler(gate.programs, { system, uptime, preempted })
  }

  /** Receives a client that has connected. */
  arrive(peer: AcceptedConnection, listeners: Listeners): void {
    const visit = this.#admit(peer, listeners)
    if (visit === undefined) return
    this.#receive(visit)
      .catch((error) => {
        this.#parts.log.trouble(errorText(error))
        this.#sendAway(visit, 'temporary trouble; try again')
      })
      .finally(() => this.#end(visit, listeners))
  }

  /** Reads all lists again. If one cannot be read, the old lists stay, and the log says so. */
  reload(): void {
    try {
      this.#preparer.reload()
    } catch (error) {
      this.#parts.log.trouble(errorText(error))
    }
  }

  /** Sends all clients that wait away, with 421 and the text. */
  sendAllAway(text: string): void {
    for (const visit of this.#parts.waiting.all()) this.#sendAway(visit, text)
  }

  /** Lets a new client wait. Returns undefined if it had to be sent away. */
  #admit(peer: AcceptedConnection, listeners: Listeners): Visit | undefined {
    const { gate, system, waiting, uptime } = this.#parts
    const visit = new Visit(listeners.newId(), peer, system, uptime)
    const others = this.#connections.get(visit.client) ?? 0
    if (others >= gate.perClient) {
      return this.#sendAway(visit, 'too many connections from your address')
    }
    if (waiting.isFull) {
      const worst = waiting.worst()
      const why = 'too many clients are waiting; try again'
      if (worst === undefined) return this.#sendAway(visit, why)
      this.#sendAway(worst, why)
    }
    if (!visit.watchFromNowOn()) return this.#sendAway(visit, 'no resources; try again')
    this.#connections.set(visit.client, others + 1)
    waiting.enter(visit)
    listeners.tellOf(visit.id, (event) => visit.onEvent(event))
    listeners.pollSoon()
    return visit
  }

  async #receive(visit: Visit): Promise<void> {
    const { waiting, remembered, log } = this.#parts
    const prepared = await this.#preparer.prepare(visit)
    if (visit.isClosed) return
    if (prepared === undefined) return log.connection('denied', visit, 'a rule denies it')
    const { plan, environment } = prepared
    if (plan.kind === 'pass') return this.#serve(visit, environment, plan.why)

    const rank = (judged: DelayJudgement) => {
      if (judged.class === 'nameless' || judged.class === 'dynamic')
        waiting.setRank(visit, judged.class)
    }
    plan.judgement.then(rank, () => {}) // `outcomeOf` gets the rejection, too
    const outcome = await outcomeOf(plan, (delay) => visit.waitForGreeting(delay))
    if (visit.isClosed) return
    if (outcome.event === 'passed') return this.#serve(visit, environment, outcome.why)
    log.connection(outcome.event, visit, outcome.why)
    if (outcome.event === 'left') return
    remembered.forget(visit.client)
    waiting.setRank(visit, 'talked')
    await this.#refuse(visit, environment)
  }

  /** Holds an early talker, and then refuses it, or starts the program to do so. */
  async #refuse(visit: Visit, environment: Environment): Promise<void> {
    const { options, log, uptime } = this.#parts
    const waitEnd = await visit.waitForLeaving(options.penalty * 1000)
    if (visit.isClosed || waitEnd === 'left') return
    if (!options.standalone) {
      return this.#serve(visit, { ...environment, RBLSMTPD: options.text }, undefined)
    }
    log.refused(visit, 451, options.text)
    await talk(visit, options.text, uptime)
  }

  /**
   * Starts the program as soon as it may run. `why` is the reason in the log; it is undefined
   * for an early talker, which was logged already.
   */
  async #serve(visit: Visit, environment: Environment, why: string | undefined): Promise<void> {
    const { gate, log } = this.#parts
    const turn = await this.#scheduler.acquire(visit, gate.waitTimeout * 1000)
    if (turn === 'turn') {
      try {
        await this.#run(visit, environment, why)
      } finally {
        this.#scheduler.release(visit)
      }
      return
    }
    if (visit.isClosed) return
    if (turn === 'left') log.connection('left', visit, why ?? 'talked')
    else this.#sendAway(visit, 'all servers are busy; try again')
  }

  /** Starts the program, and resolves when it has ended. */
  async #run(visit: Visit, environment: Environment, why: string | undefined): Promise<void> {
    if (visit.isClosed) return
    const { gate, next, system, waiting, remembered, log } = this.#parts
    const hasWaited = why !== undefined
    waiting.leave(visit)
    visit.handOver()
    if (!gate.keepIpOptions) system.dropIpOptions(visit.fd)
    if (gate.noDelay) system.sendAtOnce(visit.fd)
    const started = startProgram(next, visit, environment, system)
    if ('why' in started) {
      log.trouble(started.why)
      return this.#sendAway(visit, 'the server cannot be started; try again')
    }
    if (hasWaited) log.connection('passed', visit, why, started.pid)
    const { trouble, hasBehaved } = await started.ended
    if (trouble !== undefined) log.trouble(trouble)
    if (hasWaited && hasBehaved) remembered.add(visit.client)
  }

  /** Sends a client 421 and closes its connection, and logs that. */
  #sendAway(visit: Visit, why: string): undefined {
    const { waiting, log } = this.#parts
    if (visit.isClosed) return
    log.refused(visit, 421, why)
    visit.write(closingLine(why))
    visit.endSending()
    waiting.leave(visit)
    visit.close()
  }

  /** Closes the connection of a client that was admitted, and counts it no more. */
  #end(visit: Visit, listeners: Listeners): void {
    listeners.forget(visit.id)
    this.#parts.waiting.leave(visit)
    visit.close()
    const others = (this.#connections.get(visit.client) ?? 1) - 1
    if (others > 0) this.#connections.set(visit.client, others)
    else this.#connections.delete(visit.client)
  }
}
