import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorText, Fault } from '../../fault.ts'
import { type Place, readPlace } from '../../policy/policy.ts'
import { readScanPolicy, type ScanPolicy } from '../../scan/policy.ts'
import type { Environment } from '../../settings/settings.ts'
import { installedQueue } from '../installed-queue.ts'
import { readRegularFile } from '../regular-file.ts'
import { withoutLoaders, withoutSession } from '../session-environment.ts'
import { type EnvironmentOptions, readEnvdir, slotEnvironment } from '../slot-environment.ts'
import { type Account, type Accounts, findAccount, groupName, ownAccount } from './account.ts'
import { type Limits, noLimits, type RunScript, readRunScript, smallest } from './run-script.ts'

/** The host as the slot would see it: what every check looks at, and nothing else. */
export interface Host {
  readonly env: Environment
  readonly place: Place
  /** Whom the slot runs as. */
  readonly account: Account
  readonly accounts: Accounts
  readonly limits: Limits
  /** The slot program: QMAILQUEUE, or the one that belongs to this onescan. */
  readonly program: string
  /** Milliseconds, as Date.now(). */
  readonly now: number
}

export interface HostOptions extends EnvironmentOptions {
  /** A run script. */
  readonly run: string | undefined
  /** Name of an account. */
  readonly user: string | undefined
  readonly program: string | undefined
}

/** qmail's SMTP daemon, INSTALL.ids of qmail. */
const SMTP_ACCOUNT = 'qmaild'

/**
 * The environment of this process, then what the run script sets, then the options.
 * Throws a Fault of kind `config` for a file or account that is not there.
 */
export function lookAtHost(
  options: HostOptions,
  base: Environment,
  accounts: Accounts,
  now: number,
): Host {
  const script = options.run === undefined ? undefined : readScript(options.run)
  const account = accountOf(options.user, script?.user, accounts)
  const own = account.uid === process.getuid!() ? base : withoutSession(base)
  let env: Environment = { ...own, ...script?.environment }
  for (const directory of script?.envdirs ?? []) env = { ...env, ...readEnvdir(directory) }
  env = withoutLoaders(slotEnvironment(env, options))
  const place = readPlace(env)
  return {
    env,
    place,
    account,
    accounts,
    limits: smallest(ownLimits(), script?.limits ?? noLimits),
    program: slotProgram(options.program, env.QMAILQUEUE, place),
    now,
  }
}

/** A relative QMAILQUEUE is looked for where qmail runs. */
function slotProgram(option: string | undefined, named: string | undefined, place: Place): string {
  if (option !== undefined) return resolve(option)
  return named ? resolve(place.qmailHome, named) : installedQueue()
}

/** What QHPSI asks for; undefined where nothing does, or it cannot be read (another check tells). */
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

function readScript(file: string): RunScript {
  try {
    return readRunScript(readRegularFile(file))
  } catch (error) {
    throw new Fault('config', `--run ${file}: ${errorText(error)}`, error)
  }
}

function accountOf(
  named: string | undefined,
  scripted: RunScript['user'],
  accounts: Accounts,
): Account {
  if (named !== undefined) return mustFind(accounts, named, 'all')
  if (typeof scripted === 'string') return mustFind(accounts, scripted, 'primary')
  if (scripted !== undefined) {
    return { name: `uid ${scripted.uid}`, uid: scripted.uid, groups: [scripted.gid] }
  }
  const own = ownAccount(accounts)
  return own.uid === 0 ? (findAccount(accounts, SMTP_ACCOUNT, 'primary') ?? own) : own
}

function mustFind(accounts: Accounts, name: string, groups: 'primary' | 'all'): Account {
  const account = findAccount(accounts, name, groups)
  if (account === undefined) throw new Fault('config', `user ${name}: no such account`)
  return account
}

/** /proc/self/limits, proc(5): what the service would inherit from here. */
function ownLimits(): Limits {
  const text = readFileSync('/proc/self/limits', 'latin1')
  const soft = (name: string) => {
    const value = new RegExp(`^Max ${name} +(\\d+)`, 'm').exec(text)?.[1]
    return value === undefined ? undefined : Number(value)
  }
  return { addressSpace: soft('address space'), data: soft('data size'), stack: undefined }
}
