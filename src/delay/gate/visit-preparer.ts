import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import { type Plan, planFor } from '../shared/plan.ts'
import { loadPlanContext } from '../shared/plan-context.ts'
import { readUcspiClient } from '../shared/ucspi-client.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import { createLocalHosts, createQuestions, remoteHostOf } from './host-names.ts'
import type { KnownClients } from './known-clients.ts'
import { baseEnvironment, connectionVariables } from './ucspi-environment.ts'
import type { Visit } from './visit.ts'

/** How long a visit waits, and the environment of the program that it gets. */
export interface PreparedVisit {
  readonly plan: Plan
  readonly environment: Environment
}

/** Does for a visit what tcpserver does before it starts a program, and plans its wait. */
export interface VisitPreparer {
  /** Resolves to undefined if a rule denies the client. */
  prepare(visit: Visit): Promise<PreparedVisit | undefined>
  /** Reads all lists again. If one cannot be read, throws a Fault, and the old lists stay. */
  reload(): void
}

export interface VisitPreparerOptions {
  readonly options: DelayOptions
  readonly gate: GateOptions
  readonly env: Environment
  readonly sockets: TcpSockets
  readonly known: KnownClients
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
}

/** Reads all lists. Throws a Fault if one cannot be read. */
export function createVisitPreparer(parts: VisitPreparerOptions): VisitPreparer {
  const { options, gate, env, sockets, known, uptime } = parts
  const base = baseEnvironment(env)
  const { RELAYCLIENT, SMTPDELAY, RBLSMTPD } = base
  /** Variables of the gate's own environment that count for every client, as with tcpserver. */
  const forAllClients = { RELAYCLIENT, SMTPDELAY, RBLSMTPD }
  let sources = load()

  function load() {
    const loaded = loadPlanContext(options, env, uptime)
    return {
      ...loaded,
      ask: createQuestions(loaded.dns, options.dnsTimeout * 1000),
      localHostOf: createLocalHosts(gate.localName),
    }
  }

  return {
    async prepare(visit) {
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
      const byEnvironment = readUcspiClient({ ...forAllClients, ...variables })
      // Only the first name went into TCPREMOTEHOST. Without it, the plan looks up all of them. A
      // name that the rule has set stays.
      const client = {
        ...byEnvironment,
        name: byEnvironment.name === remoteHost ? undefined : byEnvironment.name,
      }
      const whyKnown = async () => ((await known.has(visit.client)) ? 'known' : undefined)
      const plan = planFor(client, options, { allowed, rules, resolver, known: whyKnown })
      return { plan, environment: { ...base, ...variables } }
    },
    reload() {
      sources = load()
    },
  }
}
