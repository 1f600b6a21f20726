import { errorText } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import { addressText } from '../../ground/net/ip-address.ts'
import type { AcceptedConnection } from '../../ground/net/tcp-listeners.ts'
import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { closingLine } from '../shared/conversation.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import { type DelayJudgement, type Plan, planFor } from '../shared/plan.ts'
import { loadPlanContext, type PlanSources } from '../shared/plan-context.ts'
import type { ServerProgram } from '../shared/server-program.ts'
import { readClient } from '../shared/ucspi-client.ts'
import { outcomeOf } from '../shared/wait-outcome.ts'
import { clientKey } from './client-key.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import type { GateLog } from './gate-log.ts'
import { createLocalHosts, createQuestions, remoteHostOf } from './host-names.ts'
import type { KnownClients } from './known-clients.ts'
import type { ProgramPlaces } from './program-places.ts'
import type { Reception } from './reception.ts'
import { startProgram } from './start-program.ts'
import { talkTo } from './talk.ts'
import { baseEnvironment, connectionVariables } from './ucspi-environment.ts'
import { Visit } from './visit.ts'
import type { WaitingRoom } from './waiting-room.ts'

export interface ReceiverParts {
  readonly options: DelayOptions
  readonly gate: GateOptions
  readonly env: Environment
  readonly next: ServerProgram
  readonly sockets: TcpSockets
  readonly room: WaitingRoom
  readonly places: ProgramPlaces
  readonly known: KnownClients
  readonly log: GateLog
  readonly clocks: Clocks
}

export interface Receiver {
  /** Receives a client that has connected. */
  arrive(peer: AcceptedConnection, reception: Reception): void
  /** Reads all lists again. If one cannot be read, the old lists stay, and the log says so. */
  reload(): void
  /** Sends all clients that wait away, with 421 and the text. */
  sendAllAway(text: string): void
}

/** How long a visit waits, and the variables of its connection for the program. */
interface PreparedVisit {
  readonly plan: Plan
  readonly variables: Environment
}

/**
 * Receives clients: decides how long each one waits, keeps it waiting, and starts the program for
 * it.
 */
export function createReceiver(parts: ReceiverParts): Receiver {
  const { options, gate, sockets, room, places, known, log, clocks } = parts
  const base = baseEnvironment(parts.env)
  const { RELAYCLIENT, SMTPDELAY, RBLSMTPD } = base
  /** Variables of the gate's own environment that count for every client, as with tcpserver. */
  const forAllClients = { RELAYCLIENT, SMTPDELAY, RBLSMTPD }
  const perClient = new Map<string, number>()
  let sources = load()

  function load() {
    const loaded: PlanSources = loadPlanContext(options, parts.env, clocks.uptime)
    return {
      ...loaded,
      ask: createQuestions(loaded.dns, options.dnsTimeout * 1000),
      localHostOf: createLocalHosts(gate.localName),
    }
  }

  /** Puts a new client into the waiting room. Returns undefined if it had to be sent away. */
  function admit(peer: AcceptedConnection, reception: Reception): Visit | undefined {
    const names = { ip: addressText(peer.address), client: clientKey(peer.address) }
    const visit = new Visit(reception.newId(), peer, names, sockets, clocks.uptime)
    const others = perClient.get(visit.client) ?? 0
    if (others >= gate.perClient) return sendAway(visit, 'too many connections from your address')
    if (room.isFull) {
      const worst = gate.whenFull === 'displace' ? room.worst() : undefined
      if (worst === undefined) return sendAway(visit, 'too many clients are waiting; come again')
      sendAway(worst, 'too many clients are waiting; come again')
    }
    if (!visit.watchFromNowOn()) return sendAway(visit, 'no resources; come again')
    perClient.set(visit.client, others + 1)
    room.enter(visit)
    reception.tellOf(visit.id, (event) => visit.heard(event))
    reception.lookSoon()
    return visit
  }

  /** Sends a client 421 and closes its connection, and logs that. */
  function sendAway(visit: Visit, why: string): undefined {
    if (visit.isClosed) return
    log.refused(visit, 421, why)
    sockets.send(visit.fd, Buffer.from(closingLine(why), 'latin1'))
    sockets.endSending(visit.fd)
    room.leave(visit)
    visit.close()
  }

  /** Looks up names and the rule of a client, as tcpserver does. Undefined if the rule denies it. */
  async function prepare(visit: Visit): Promise<PreparedVisit | undefined> {
    const { allowed, rules, ask, localHostOf } = sources
    const { address, fd } = visit.peer
    const resolver = ask()
    const local = sockets.localEndpoint(fd)
    if (local === undefined) throw new Error('the connection is broken')
    const remoteHost = await remoteHostOf(address, gate.lookUp, resolver)
    const localHost = await localHostOf(local.address, resolver)
    const rule = gate.rules
      ? findTcpRule(gate.rules, visit.ip, remoteHost)
      : { isDenied: false, variables: [] }
    if (rule.isDenied) return undefined
    const ends = { local, localHost, remote: visit.peer, remoteHost }
    const variables = connectionVariables(ends, rule)
    const told = readClient({ ...forAllClients, ...variables })
    // Only the first name went into TCPREMOTEHOST. Without it, the plan looks up all of them. A
    // name that the rule has set stays.
    const client = { ...told, name: told.name === remoteHost ? undefined : told.name }
    const isKnown = async () => ((await known.has(visit.client)) ? 'known' : undefined)
    return {
      plan: planFor(client, options, { allowed, rules, resolver, known: isKnown }),
      variables,
    }
  }

  async function receive(visit: Visit): Promise<void> {
    const prepared = await prepare(visit)
    if (visit.isClosed) return
    if (prepared === undefined) return log.connection('denied', visit, 'a rule denies it')
    const { plan, variables } = prepared
    if (plan.kind === 'pass') return serve(visit, variables, plan.why)

    const rank = (judged: DelayJudgement) => {
      if (judged.class === 'nameless' || judged.class === 'dynamic')
        room.setRank(visit, judged.class)
    }
    plan.judgement.then(rank, () => {}) // `outcomeOf` gets the rejection, too
    const outcome = await outcomeOf(plan, (delay) => visit.waitForGreeting(delay))
    if (visit.isClosed) return
    if (outcome.event === 'passed') return serve(visit, variables, outcome.why)
    log.connection(outcome.event, visit, outcome.why)
    if (outcome.event === 'left') return
    known.forget(visit.client)
    room.setRank(visit, 'talked')
    await dismiss(visit, variables)
  }

  /** Holds an early talker, and then refuses it, or starts the program to do so. */
  async function dismiss(visit: Visit, variables: Environment): Promise<void> {
    const end = await visit.waitForLeaving(options.penalty * 1000)
    if (visit.isClosed || end === 'left') return
    if (!options.standalone) {
      const refusing = { ...variables, RBLSMTPD: options.text }
      return serve(visit, refusing, undefined)
    }
    log.refused(visit, 451, options.text)
    await talkTo(visit, options.text, sockets, clocks.uptime)
  }

  /**
   * Starts the program as soon as there is a place. `why` is the reason in the log; it is undefined
   * for an early talker, which was logged already.
   */
  async function serve(
    visit: Visit,
    variables: Environment,
    why: string | undefined,
  ): Promise<void> {
    const turn = await places.take(visit, gate.patience * 1000)
    if (turn === 'turn') {
      try {
        await run(visit, variables, why)
      } finally {
        places.giveBack()
      }
      return
    }
    if (visit.isClosed) return
    if (turn === 'left') log.connection('left', visit, why ?? 'talked')
    else sendAway(visit, 'all servers are busy; come again')
  }

  async function run(visit: Visit, variables: Environment, why: string | undefined): Promise<void> {
    if (visit.isClosed) return
    room.leave(visit)
    visit.handOver()
    if (!gate.keepIpOptions) sockets.dropIpOptions(visit.fd)
    if (gate.noDelay) sockets.sendAtOnce(visit.fd)
    const isWatched = gate.remember > 0 && why !== undefined
    const environment = { ...base, ...variables }
    const started = startProgram(parts.next, visit, environment, { sockets, isWatched })
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
        .finally(() => {
          reception.forget(visit.id)
          room.leave(visit)
          visit.close()
          const others = (perClient.get(visit.client) ?? 1) - 1
          if (others > 0) perClient.set(visit.client, others)
          else perClient.delete(visit.client)
        })
    },
    reload() {
      try {
        sources = load()
      } catch (error) {
        log.trouble(errorText(error))
      }
    },
    sendAllAway(text) {
      for (const visit of room.all()) sendAway(visit, text)
    },
  }
}
