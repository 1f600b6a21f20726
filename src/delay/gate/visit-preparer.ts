import type { System } from '../../ground/runtime/system.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import { type Plan, planFor } from '../shared/plan.ts'
import { loadPlanContext } from '../shared/plan-context.ts'
import { readUcspiClient } from '../shared/ucspi-client.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import { createLocalHosts, createQuestions, remoteHostOf } from './host-names.ts'
import type { RememberedClients } from './remembered-clients.ts'
import { baseEnvironment, connectionVariables } from './ucspi-environment.ts'
import type { Visit } from './visit.ts'

/** How long a visit waits, and the environment of the program that it gets. */
export interface PreparedVisit {
  readonly plan: Plan
  readonly environment: Environment
}

export interface VisitPreparerOptions {
  readonly options: DelayOptions
  readonly gate: GateOptions
  readonly env: Environment
  readonly sockets: System
  readonly remembered: RememberedClients
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
}

/** Does for a visit what tcpserver does before it starts a program, and plans its wait. */
export class VisitPreparer {
  readonly #parts: VisitPreparerOptions
  /** The environment of all programs. */
  readonly #base: Environment
  #sources: ReturnType<typeof loadSources>

  /** Reads all lists. Throws a Fault if one cannot be read. */
  constructor(parts: VisitPreparerOptions) {
    this.#parts = parts
    this.#base = baseEnvironment(parts.env)
    this.#sources = loadSources(parts)
  }

  /** Resolves to undefined if a rule denies the client. */
  async prepare(visit: Visit): Promise<PreparedVisit | undefined> {
    const { options, gate, sockets, remembered } = this.#parts
    const { allowed, rules, ask, localHostOf } = this.#sources
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
    // Variables of the gate's own environment count for every client, as with tcpserver.
    const { RELAYCLIENT, SMTPDELAY, RBLSMTPD } = this.#base
    const byEnvironment = readUcspiClient({ RELAYCLIENT, SMTPDELAY, RBLSMTPD, ...variables })
    // Only the first name went into TCPREMOTEHOST. Without it, the plan looks up all of them. A
    // name that the rule has set stays.
    const client = {
      ...byEnvironment,
      name: byEnvironment.name === remoteHost ? undefined : byEnvironment.name,
    }
    const isRemembered = remembered.has(visit.client)
    const plan = planFor(client, options, { allowed, rules, resolver, isRemembered })
    return { plan, environment: { ...this.#base, ...variables } }
  }

  /** Reads all lists again. If one cannot be read, throws a Fault, and the old lists stay. */
  reload(): void {
    this.#sources = loadSources(this.#parts)
  }
}

function loadSources({ options, gate, env, uptime }: VisitPreparerOptions) {
  const loaded = loadPlanContext(options, env, uptime)
  return {
    ...loaded,
    ask: createQuestions(loaded.dns, options.dnsTimeout * 1000),
    localHostOf: createLocalHosts(gate.localName),
  }
}
