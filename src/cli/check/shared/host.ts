import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errorText, Fault } from '../../../ground/errors/fault.ts'
import { readOwnFile } from '../../../ground/path/read.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { type ControlDirectories, readControlDirectories } from '../../../judge/policy.ts'
import { readScanPolicy, type ScanPolicy } from '../../../scan/shared/scan-policy.ts'
import { installedQueue } from '../../shared/installed-queue.ts'
import { withoutLoaders, withoutSession } from '../../shared/session-environment.ts'
import {
  type EnvironmentOptions,
  readEnvdir,
  slotEnvironment,
} from '../../shared/slot-environment.ts'
import {
  type Accounts,
  findAccount,
  findGroup,
  groupName,
  ownAccount,
  type SystemAccount,
  userName,
} from './account.ts'
import {
  type LookUpId,
  type MemoryLimits,
  noLimits,
  type RunScript,
  readRunScript,
  smallest,
} from './run-script.ts'
import { classOf, classText, type RuleClass, readRules } from './tcp-rules.ts'

/** The host as the slot sees it. Checks look at nothing else. */
export interface Host {
  readonly env: Environment
  readonly place: ControlDirectories
  /** The account that the slot runs as. */
  readonly account: SystemAccount
  readonly accounts: Accounts
  readonly limits: MemoryLimits
  /** The slot program: QMAILQUEUE, else the onescan-queue of this onescan. */
  readonly program: string
  /** The clients that this holds for, by tcpserver's rules; undefined if it holds for all. */
  readonly clients?: string | undefined
  /** Milliseconds, as Date.now(). */
  readonly now: number
  /** Set if the host is looked at for onescand, and not for the slot. */
  readonly daemon?: DaemonWords | undefined
}

export interface DaemonWords {
  /** Words of its command line. */
  readonly words: readonly string[]
  /** The places at which an onescand already listens: paths, and HOST:PORT. */
  readonly held: readonly string[]
  /** Where its settings stand, for remedies. */
  readonly file: string
}

export interface SlotOptions extends EnvironmentOptions {
  /** The file of a run script. */
  readonly run: string | undefined
  /** The name of an account. */
  readonly user: string | undefined
  readonly program: string | undefined
  /** An IP address. */
  readonly client?: string | undefined
}

/** The most bytes of a run script. */
export const SCRIPT_MAX = 64 * 1024
/** The account of qmail's SMTP daemon, INSTALL.ids of qmail. */
const SMTP_ACCOUNT = 'qmaild'

/**
 * Puts together this process's environment, then what the run script sets, then the options. There
 * is a host for each class of clients in tcpserver's rules, or one for `client` alone. Throws a
 * Fault of kind `config` if a file or account is missing. For root it also throws if somebody else
 * could have written the script, its rules or its variables.
 */
export function buildHosts(
  options: SlotOptions,
  base: Environment,
  accounts: Accounts,
  now: number,
): Host[] {
  const script = options.run === undefined ? undefined : readScript(options.run, accounts)
  const place = options.run === undefined ? '.' : dirname(options.run)
  return classesOf(script, place, options.client).map((rules) =>
    buildHost({ options, base, accounts, now, script, place, rules }),
  )
}

/** What a host is put together from. */
interface HostParts {
  readonly options: SlotOptions
  readonly base: Environment
  readonly accounts: Accounts
  readonly now: number
  readonly script: RunScript | undefined
  /** The directory of the script, in which its service is started. */
  readonly place: string
  readonly rules: RuleClass | undefined
}

/** The classes of the script's last rules; one class without rules if it has none. */
function classesOf(
  script: RunScript | undefined,
  place: string,
  client: string | undefined,
): (RuleClass | undefined)[] {
  const file = script?.steps.findLast((step) => step.kind === 'rules')?.file
  if (file === undefined) return [undefined]
  let classes: RuleClass[]
  try {
    classes = readRules(readOwnFile(resolve(place, file)))
  } catch (error) {
    const remedy = 'run tcprules; without it tcpserver accepts no connection'
    throw new Fault('config', `-x ${file}: ${errorText(error)}; ${remedy}`, error)
  }
  if (client === undefined) return classes
  const ofClient = classOf(classes, client)
  if (ofClient === undefined)
    throw new Fault('config', `--client ${client}: no rule of ${file} fits`)
  return [{ ...ofClient, addresses: [client] }]
}

function buildHost({ options, base, accounts, now, script, place: from, rules }: HostParts): Host {
  const account = accountOf(options.user, script, accounts)
  const own = account.uid === process.getuid!() ? base : withoutSession(base)
  let env: Environment = { ...own, ...script?.environment }
  for (const step of script?.steps ?? []) {
    const variables =
      step.kind === 'envdir' ? readEnvdir(resolve(from, step.directory)) : rules?.variables
    env = { ...env, ...variables }
  }
  if (options.client !== undefined) env = { ...env, TCPREMOTEIP: options.client }
  env = withoutLoaders(slotEnvironment(env, options))
  const qmail = readControlDirectories(env)
  return {
    env,
    place: qmail,
    account,
    accounts,
    limits: smallest(ownLimits(), script?.limits ?? noLimits),
    clients: rules && classText(rules),
    program: slotProgram(options.program, env.QMAILQUEUE, qmail),
    now,
  }
}

/** A relative QMAILQUEUE starts at qmail's home. */
function slotProgram(
  option: string | undefined,
  named: string | undefined,
  place: ControlDirectories,
): string {
  if (option !== undefined) return resolve(option)
  return named ? resolve(place.qmailHome, named) : installedQueue()
}

/**
 * What QHPSI asks for; undefined if it asks for nothing or cannot be read, which another check
 * reports.
 */
export function scanPolicyOf({ env, place }: Host): ScanPolicy | undefined {
  try {
    return readScanPolicy(env, place)
  } catch {
    return undefined
  }
}

export function accountText({ account, accounts }: Host): string {
  const groups = account.groups.map((gid) => groupName(accounts, gid)).join(', ')
  return `${account.name} (${groups})`
}

function readScript(file: string, accounts: Accounts): RunScript {
  const identify: LookUpId = (option, name) => {
    const account = findAccount(accounts, name, 'primary')
    return option === 'u' ? account?.uid : account?.groups[0]
  }
  try {
    return readRunScript(readOwnFile(file, SCRIPT_MAX).toString('utf8'), identify)
  } catch (error) {
    throw new Fault('config', `--run ${file}: ${errorText(error)}`, error)
  }
}

function accountOf(
  named: string | undefined,
  script: RunScript | undefined,
  accounts: Accounts,
): SystemAccount {
  const scripted = script?.user
  if (named !== undefined) return mustFind(accounts, named, 'all')
  if (typeof scripted === 'string') {
    const account = mustFind(accounts, scripted, 'primary')
    const groups = script!.groups.map((name) => mustFindGroup(accounts, name))
    return groups.length > 0 ? { ...account, groups } : account
  }
  if (scripted !== undefined) {
    return { name: userName(accounts, scripted.uid), uid: scripted.uid, groups: [scripted.gid] }
  }
  const own = ownAccount(accounts)
  return own.uid === 0 ? (findAccount(accounts, SMTP_ACCOUNT, 'primary') ?? own) : own
}

function mustFind(accounts: Accounts, name: string, groups: 'primary' | 'all'): SystemAccount {
  const account = findAccount(accounts, name, groups)
  if (account === undefined) throw new Fault('config', `user ${name}: no such account`)
  return account
}

function mustFindGroup(accounts: Accounts, name: string): number {
  const gid = /^[0-9]{1,9}$/.test(name) ? Number(name) : findGroup(accounts, name)
  if (gid === undefined) throw new Fault('config', `group ${name}: no such group`)
  return gid
}

/** /proc/self/limits, proc(5): the limits that a service started from here would inherit. */
function ownLimits(): MemoryLimits {
  const text = readFileSync('/proc/self/limits', 'latin1')
  const soft = (name: string) => {
    const value = new RegExp(`^Max ${name} +(\\d+)`, 'm').exec(text)?.[1]
    return value === undefined ? undefined : Number(value)
  }
  return { addressSpace: soft('address space'), data: soft('data size'), stack: undefined }
}
