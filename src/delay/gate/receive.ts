import { errorText } from '../../ground/errors/fault.ts'
import type { AcceptedConnection } from '../../ground/net/tcp-listeners.ts'
import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import type { DelayJudgement } from '../shared/plan.ts'
import type { ServerProgram } from '../shared/server-program.ts'
import { outcomeOf } from '../shared/wait-outcome.ts'
import { createAdmission } from './admission.ts'
import type { GateLog } from './gate-log.ts'
import type { KnownClients } from './known-clients.ts'
import type { ProgramPlaces } from './program-places.ts'
import type { Reception } from './reception.ts'
import { startProgram } from './start-program.ts'
import { talkTo } from './talk.ts'
import type { Visit } from './visit.ts'
import { createVisitPreparer } from './visit-preparer.ts'
import type { WaitingRoom } from './waiting-room.ts'

export interface ReceiverOptions {
  readonly options: DelayOptions
  readonly gate: GateOptions
  readonly env: Environment
  readonly next: ServerProgram
  readonly sockets: TcpSockets
  readonly room: WaitingRoom
  readonly places: ProgramPlaces
  readonly known: KnownClients
  readonly log: GateLog
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
}

export interface Receiver {
  /** Receives a client that has connected. */
  arrive(peer: AcceptedConnection, reception: Reception): void
  /** Reads all lists again. If one cannot be read, the old lists stay, and the log says so. */
  reload(): void
  /** Sends all clients that wait away, with 421 and the text. */
  sendAllAway(text: string): void
}

/**
 * Receives clients: decides how long each one waits, keeps it waiting, and starts the program for
 * it. Throws a Fault if a list cannot be read.
 */
export function createReceiver(parts: ReceiverOptions): Receiver {
  const { options, gate, next, sockets, room, places, known, log, uptime } = parts
  const preparer = createVisitPreparer(parts)
  const { admit, sendAway, end } = createAdmission(parts)

  async function receive(visit: Visit): Promise<void> {
    const prepared = await preparer.prepare(visit)
    if (visit.isClosed) return
    if (prepared === undefined) return log.connection('denied', visit, 'a rule denies it')
    const { plan, environment } = prepared
    if (plan.kind === 'pass') return serve(visit, environment, plan.why)

    const rank = (judged: DelayJudgement) => {
      if (judged.class === 'nameless' || judged.class === 'dynamic')
        room.setRank(visit, judged.class)
    }
    plan.judgement.then(rank, () => {}) // `outcomeOf` gets the rejection, too
    const outcome = await outcomeOf(plan, (delay) => visit.waitForGreeting(delay))
    if (visit.isClosed) return
    if (outcome.event === 'passed') return serve(visit, environment, outcome.why)
    log.connection(outcome.event, visit, outcome.why)
    if (outcome.event === 'left') return
    known.forget(visit.client)
    room.setRank(visit, 'talked')
    await refuse(visit, environment)
  }

  /** Holds an early talker, and then refuses it, or starts the program to do so. */
  async function refuse(visit: Visit, environment: Environment): Promise<void> {
    const waitEnd = await visit.waitForLeaving(options.penalty * 1000)
    if (visit.isClosed || waitEnd === 'left') return
    if (!options.standalone) {
      return serve(visit, { ...environment, RBLSMTPD: options.text }, undefined)
    }
    log.refused(visit, 451, options.text)
    await talkTo(visit, options.text, sockets, uptime)
  }

  /**
   * Starts the program as soon as there is a place. `why` is the reason in the log; it is undefined
   * for an early talker, which was logged already.
   */
  async function serve(
    visit: Visit,
    environment: Environment,
    why: string | undefined,
  ): Promise<void> {
    const turn = await places.take(visit, gate.patience * 1000)
    if (turn === 'turn') {
      try {
        await run(visit, environment, why)
      } finally {
        places.giveBack()
      }
      return
    }
    if (visit.isClosed) return
    if (turn === 'left') log.connection('left', visit, why ?? 'talked')
    else sendAway(visit, 'all servers are busy; come again')
  }

  /** Starts the program, and resolves when it has ended. */
  async function run(
    visit: Visit,
    environment: Environment,
    why: string | undefined,
  ): Promise<void> {
    if (visit.isClosed) return
    room.leave(visit)
    visit.handOver()
    if (!gate.keepIpOptions) sockets.dropIpOptions(visit.fd)
    if (gate.noDelay) sockets.sendAtOnce(visit.fd)
    const isWatched = gate.remember > 0 && why !== undefined
    const started = startProgram(next, visit, environment, { sockets, isWatched })
    if ('why' in started) {
      log.trouble(started.why)
      return sendAway(visit, 'the server cannot be started; come again')
    }
    if (why !== undefined) log.connection('passed', visit, why, started.pid)
    const { trouble, hasBehaved } = await started.ended
    if (trouble !== undefined) log.trouble(trouble)
    if (hasBehaved) known.add(visit.client)
  }

  return {
    arrive(peer, reception) {
      const visit = admit(peer, reception)
      if (visit === undefined) return
      receive(visit)
        .catch((error) => {
          log.trouble(errorText(error))
          sendAway(visit, 'temporary trouble; come again')
        })
        .finally(() => end(visit, reception))
    },
    reload() {
      try {
        preparer.reload()
      } catch (error) {
        log.trouble(errorText(error))
      }
    },
    sendAllAway(text) {
      for (const visit of room.all()) sendAway(visit, text)
    },
  }
}
