import { errorText } from '../../ground/errors/fault.ts'
import { createLruCache } from '../../ground/flow/lru-cache.ts'
import { type Environment, isSet } from '../../ground/settings/settings.ts'
import type { FromClient } from '../../ground/settings/table/kinds.ts'
import { isSetting, names, table } from '../../ground/settings/table.ts'
import { NOTHING_SCANS, type Policy, readTreatment } from '../../judge/policy.ts'
import type { Client } from '../../judge/transaction.ts'
import { clientNameOf } from '../../message/envelope/origin.ts'
import { readQuotaSettings } from '../../quota/ask/quota-settings.ts'
import {
  type QhpsiLine,
  readQhpsiLine,
  readScanPolicy,
  type UnscannedPolicy,
} from '../../scan/shared/scan-policy.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type ErrorReport, readReplyForm } from '../shared/replies/error-report.ts'
import { GoCold } from './go-cold.ts'

/** What one client's mail is judged by. */
export interface ClientPolicy {
  /** Undefined if its environment has no QHPSI: its mail passes, as it would without us. */
  readonly policy: Policy | undefined
  /** Whether it asks for quotas although nothing is scanned. */
  readonly asksQuota: boolean
  readonly scanners: readonly Scanner[]
  /** The settings that its policy was read from. */
  readonly env: Environment
  readonly client: Client
  /** How it takes replies; whether it can is another question. */
  readonly replyForm: ErrorReport
  /** TCPREMOTEIP, for the log. */
  readonly remote: string | undefined
}

type Variables = ReadonlyMap<string, string>

const namesOf = (told: FromClient) => names.filter((name) => table[name].told === told)
const [taken, bounded, asked] = [namesOf('taken'), namesOf('bounded'), namesOf('asked')]

/**
 * How a variable of the client's is treated; one that is not in the table must be the same as the
 * daemon's.
 */
const toldOf = (name: string): FromClient => (isSetting(name) ? table[name].told : 'same')

/** Distinct settings of clients that are kept: sites have a handful. */
const KEPT_MAX = 100

/**
 * The daemon's own policy with what a client may set (doc/slot-protocol.md, "Trust").
 * GoCold for any other difference: the cold program then judges under the client's own
 * environment, with the client's own rights to the keyring.
 */
export function createClientPolicies(
  configuration: Configuration,
): (variables: Variables) => ClientPolicy {
  /** Belongs to a set of variables and to no message; nobody changes it. */
  const kept = createLruCache<ClientPolicy>(KEPT_MAX)
  return (variables) => {
    const relevant = [...variables].filter(([name]) => isOfPolicy(toldOf(name)))
    const key = JSON.stringify(relevant)
    let found = kept.get(key)
    if (found === undefined) {
      found = orCold(() => mergePolicy(configuration, variables))
      kept.set(key, found)
    }
    const remote = variables.get('TCPREMOTEIP')
    const origin = {
      door: 'slot',
      clientAddress: remote || undefined,
      clientName: clientNameOf(variables.get('TCPREMOTEHOST')),
    } as const
    return { ...found, client: { ...found.client, origin }, remote }
  }
}

/** Not about the message, nor about what the client does by itself. */
const isOfPolicy = (told: FromClient) => told !== undefined && told !== 'message'

/**
 * A setting of the client's that makes no sense: let the cold program say so, and answer for it.
 */
function orCold<Value>(compute: () => Value): Value {
  try {
    return compute()
  } catch (error) {
    throw error instanceof GoCold ? error : new GoCold(errorText(error))
  }
}

function mergePolicy(configuration: Configuration, variables: Variables): ClientPolicy {
  const theirs: Environment = Object.fromEntries(variables)
  const about = {
    asksQuota: Boolean(theirs.QUOTAD),
    client: {
      relay: isSet(theirs, 'RELAYCLIENT'),
      clusterPeer: isSet(theirs, 'CLUSTERPEER'),
      bounceInjector: false, // judge.ts: where it might be, the cold program looks
    },
    replyForm: readReplyForm(theirs),
    remote: undefined,
  }
  refuseNonsense(configuration.env, theirs)
  const line = readQhpsiLine(variables.get('QHPSI') ?? '')
  if (line === undefined) {
    if (about.asksQuota) refuseDifference('QUOTAD', configuration.env, theirs.QUOTAD)
    return { ...about, policy: undefined, scanners: [], env: theirs }
  }
  refuseOtherDifferences(configuration.env, variables)
  const own = configuration.policy
  if (own === undefined) throw new GoCold(`${NOTHING_SCANS} for the daemon`)
  if (!isWithin(line, own.scan.line)) throw new GoCold('QHPSI names another scanner')
  const merged = merge(own, configuration, theirs)
  return { ...about, ...merged, scanners: configuration.scannersFor(line) }
}

function refuseOtherDifferences(own: Environment, variables: Variables): void {
  for (const [name, value] of variables) {
    if (toldOf(name) === 'same') refuseDifference(name, own, value)
  }
}

/** Not used here, but refused if they make no sense, as without a daemon. */
function refuseNonsense(own: Environment, theirs: Environment): void {
  if (!theirs.QUOTAD) return
  const ways = Object.fromEntries(asked.map((name) => [name, theirs[name]]))
  readQuotaSettings({ ...own, ...ways, QUOTAD: theirs.QUOTAD })
}

/** An empty one counts as unset, so the daemon's holds. */
function refuseDifference(name: string, own: Environment, value: string | undefined): void {
  if (value && own[name] !== value) throw new GoCold(`${name} is another than the daemon's`)
}

/** The same line, or some of the daemon's own plugins, each once. */
function isWithin(line: QhpsiLine, own: QhpsiLine): boolean {
  if (line.kind === 'plugins' && own.kind === 'plugins') {
    const asked = new Set(line.names)
    const same = line.names.join('\0') === own.names.join('\0')
    return (
      same ||
      (asked.size === line.names.length && line.names.every((name) => own.names.includes(name)))
    )
  }
  return (
    line.kind === 'command' &&
    own.kind === 'command' &&
    line.words.join('\0') === own.words.join('\0')
  )
}

function merge(
  own: Policy,
  { env, place }: Configuration,
  theirs: Environment,
): { readonly policy: Policy; readonly env: Environment } {
  const merged: Record<string, string | undefined> = { ...env }
  for (const name of taken) merged[name] = theirs[name] ?? env[name]
  for (const name of bounded) merged[name] = theirs[name] || env[name]
  const scan = readScanPolicy(merged, place)!
  if (scan.timeout > own.scan.timeout) throw new GoCold("SCANTIMEOUT is longer than the daemon's")
  // Only if the client has it, too: the client must know that nobody else has taken the mail.
  merged.QUARANTINE = theirs.QUARANTINE
  const treatment = readTreatment(merged, scan)
  if (isLaxer(treatment.unscanned, own.unscanned)) {
    throw new GoCold("SCANFAIL is laxer than the daemon's")
  }
  return { policy: { ...own, scan, ...treatment }, env: merged }
}

function isLaxer(theirs: UnscannedPolicy, own: UnscannedPolicy): boolean {
  return (['others', 'relayClients'] as const).some(
    (who) => theirs[who] === 'accept' && own[who] !== 'accept',
  )
}
