import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorTextAt, Fault } from '../../../../base/errors/fault.ts'
import { Cdb, parseTcpRule } from '../../../../base/net/tcp-rules.ts'
import { commandToOpen } from '../../../../base/path/command-to-open.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { readControlDirectories } from '../../../../base/settings/control-directories.ts'
import { settingTable } from '../../../../base/settings/table.ts'
import { installedQueue } from '../../../doors/slot/hand-to-slot.ts'
import { type Accounts, ownAccount } from '../../../readiness/host/account.ts'
import type { CheckedHost } from '../../../readiness/host/checked-host.ts'
import type { MemoryLimits, RunningService } from '../../host/running-services.ts'
import { type EnvironmentOptions, slotEnvironment } from '../../host/slot-environment.ts'
import { makeRules } from './client-rules.ts'
import { isOnescanc } from './slot-program.ts'

/** The host as onescan-queue in a service sees it. Checks of onescan-queue use no other data. */
export interface Host extends CheckedHost {
  readonly limits: MemoryLimits
  /**
   * The slot program: QMAILQUEUE, else the qmail-queue of a service, or the onescan-queue of this onescan if no service is known
   * or one of its steps may set QMAILQUEUE.
   */
  readonly program: string
  /** The clients with this handling, by tcpserver's rules; undefined: all clients. */
  readonly clients?: string | undefined
  /** The file of these rules. */
  readonly rules?: string | undefined
  /** Whether the clients may send mail to other hosts, so that it may be meant not to be scanned. */
  readonly mayRelay: boolean
}

/** Options that describe how onescan-queue is set up, or for which account. */
export interface SlotOptions extends EnvironmentOptions {
  /** A running service. */
  readonly pid: string | undefined
  /** `FILE=NEW`: what would be if rules that services read were replaced. */
  readonly rules?: string | undefined
  /** The name of an account: onescan.ts adds this option to each command that an account does. */
  readonly user?: string | undefined
}

/**
 * Returns whether an option or variable describes how onescan-queue is set up. QHPSI alone does only where there is a
 * qmail: in a container it is a setting of onescand.
 */
export function namesSlot({ pid, rules, user, envdir, env }: SlotOptions): boolean {
  const { QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN } = process.env
  return (
    [pid, rules, user, envdir, env[0]].some((word) => word !== undefined) ||
    [QMAILQUEUE, QMAILHOME, QUEUECHAIN].some(Boolean) ||
    (Boolean(QHPSI) && existsSync(settingTable.QMAILHOME.default))
  )
}

/**
 * Returns the host as onescan-queue in this service sees it, once for each class of clients in its rules.
 * Without a service it is described by the options and by this process's variables. Throws a Fault of kind
 * `config` if rules are missing.
 */
export function slotHosts(
  service: RunningService | undefined,
  options: SlotOptions,
  base: Environment,
  accounts: Accounts,
  now: number,
): Host[] {
  const account = ownAccount(accounts)
  const outer = service?.env ?? base
  // It accepts mail to any address: qmail-qmqpd(8).
  const servesQmqp = /^qmail-qmqpd/.test(service?.program ?? '')
  return clientClasses(service?.rules).map((rules) => {
    const own = { ...outer, ...rules?.variables }
    const env = slotEnvironment(own, options)
    const directories = readControlDirectories(env)
    // Without QMAILQUEUE qmail starts its own program, but a step of a service may set it.
    const isKnown = rules !== undefined || service?.unknownSteps.length === 0
    const named = env.QMAILQUEUE || (isKnown ? 'bin/qmail-queue' : undefined)
    // A relative QMAILQUEUE starts at qmail's home.
    const program = named === undefined ? installedQueue() : resolve(directories.qmailHome, named)
    return {
      env,
      directories,
      account,
      accounts,
      limits: service?.limits ?? {},
      clients: rules && classText(rules),
      rules: service?.rules,
      mayRelay: servesQmqp || (rules !== undefined && env.RELAYCLIENT !== undefined),
      program,
      isDaemon: false,
      asksOnescand: isOnescanc(program),
      now,
    }
  })
}

/** Returns whether the rules deny all clients that no other rule names. Throws if they cannot be read. */
export const deniesOthers = (file: string): boolean =>
  [...Cdb.in(readOwnFile(file)).records()].some(
    ({ key, value }) => key.length === 0 && parseTcpRule(value).isDenied,
  )

/** Returns the classes of the rules; one class without rules if there are none. */
function clientClasses(file: string | undefined): (RuleClass | undefined)[] {
  if (file === undefined) return [undefined]
  try {
    return parseClasses(readOwnFile(file))
  } catch (error) {
    const isClosed = (error as NodeJS.ErrnoException).code === 'EACCES'
    const remedy = isClosed ? commandToOpen(file) : (makeRules(file) ?? 'run tcprules')
    throw new Fault('config', `-x ${file}: ${errorTextAt(file, error)}; ${remedy}`, error)
  }
}

/** Clients to which tcpserver(1) gives the same variables, by the rules of tcprules(1). */
interface RuleClass {
  /** Addresses and prefixes in the form of the rules; '' is all other addresses. */
  readonly addresses: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

/**
 * Parses the classes of a cdb that tcprules made. Addresses with the same variables form one class. The class of
 * all other addresses comes first. Denied addresses are skipped. Throws an Error if the file is not such a cdb.
 */
function parseClasses(file: Buffer): RuleClass[] {
  const classes = new Map<string, { addresses: string[]; variables: Record<string, string> }>()
  let isElseDenied = false
  for (const { key, value } of Cdb.in(file).records()) {
    const address = key.toString('latin1')
    const rule = parseTcpRule(value)
    if (rule.isDenied) isElseDenied ||= address === ''
    else {
      const variables = Object.fromEntries(rule.variables)
      const same = JSON.stringify(Object.entries(variables).sort())
      const known = classes.get(same)
      if (known === undefined) classes.set(same, { addresses: [address], variables })
      else if (!known.addresses.includes(address)) known.addresses.push(address)
    }
  }
  const found = [...classes.values()]
  const isElse = ({ addresses }: RuleClass) => addresses.includes('')
  // Clients that fit no rule are accepted, without variables (tcprules(1)).
  if (!found.some(isElse) && !isElseDenied) found.push({ addresses: [''], variables: {} })
  return [...found.filter(isElse), ...found.filter((rule) => !isElse(rule))]
}

function classText({ addresses }: RuleClass): string {
  const names = addresses.map((address) => address || 'all other clients')
  return names.length > 3
    ? `${names.slice(0, 2).join(' ')} and ${names.length - 2} more`
    : names.join(' ')
}
