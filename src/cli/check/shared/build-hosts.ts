import { dirname, resolve } from 'node:path'
import { errorText, Fault } from '../../../ground/errors/fault.ts'
import { readOwnFile } from '../../../ground/path/read.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { readControlDirectories } from '../../../judge/policy.ts'
import { installedQueue } from '../../shared/installed-queue.ts'
import { withoutLoaders, withoutSession } from '../../shared/session-environment.ts'
import {
  type EnvironmentOptions,
  readEnvdir,
  slotEnvironment,
} from '../../shared/slot-environment.ts'
import { type Accounts, findAccount } from './account.ts'
import type { Host } from './host.ts'
import { inheritedLimits, noLimits, smallestLimits } from './memory-limits.ts'
import { type RunScript, readRunScript } from './run-script.ts'
import type { LookUpId } from './shell-words.ts'
import { slotAccount } from './slot-account.ts'
import { classOf, classText, type RuleClass, readRules } from './tcp-rules.ts'

/** Options that say how the slot is set up. */
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

/**
 * Returns the host as the slot sees it, once for each class of clients in tcpserver's rules, or for
 * `client` alone. The environment is this process's, then what the run script sets, then the
 * options: later ones win. Throws a Fault of kind `config` if a file or account is missing or, for
 * root, if somebody else could have written the script, its rules or its variables.
 */
export function buildHosts(
  options: SlotOptions,
  base: Environment,
  accounts: Accounts,
  now: number,
): Host[] {
  const script = options.run === undefined ? undefined : readScript(options.run, accounts)
  const directory = options.run === undefined ? '.' : dirname(options.run)
  return clientClasses(script, directory, options.client).map((rules) =>
    buildHost({ options, base, accounts, now, script, directory, rules }),
  )
}

/** The parts from which a host is built. */
interface HostParts {
  readonly options: SlotOptions
  readonly base: Environment
  readonly accounts: Accounts
  readonly now: number
  readonly script: RunScript | undefined
  /** The directory of the script, in which its service is started. */
  readonly directory: string
  /** The rules for a class of clients; undefined if the service has no rules. */
  readonly rules: RuleClass | undefined
}

function readScript(file: string, accounts: Accounts): RunScript {
  const lookUpId: LookUpId = (option, name) => {
    const account = findAccount(accounts, name, 'primary')
    return option === 'u' ? account?.uid : account?.groups[0]
  }
  try {
    return readRunScript(readOwnFile(file, SCRIPT_MAX).toString('utf8'), lookUpId)
  } catch (error) {
    throw new Fault('config', `--run ${file}: ${errorText(error)}`, error)
  }
}

/** The classes of the script's last rules; one class without rules if it has none. */
function clientClasses(
  script: RunScript | undefined,
  directory: string,
  client: string | undefined,
): (RuleClass | undefined)[] {
  const file = script?.steps.findLast((step) => step.kind === 'rules')?.file
  if (file === undefined) return [undefined]
  let classes: RuleClass[]
  try {
    classes = readRules(readOwnFile(resolve(directory, file)))
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

function buildHost(parts: HostParts): Host {
  const { options, accounts, now, script, rules } = parts
  const account = slotAccount(options.user, script, accounts)
  const env = hostEnvironment(parts, account.uid)
  const directories = readControlDirectories(env)
  return {
    env,
    directories,
    account,
    accounts,
    limits: smallestLimits(inheritedLimits(), script?.limits ?? noLimits),
    clients: rules && classText(rules),
    program: slotProgram(options.program, env.QMAILQUEUE, directories.qmailHome),
    now,
  }
}

function hostEnvironment(
  { options, base, script, directory, rules }: HostParts,
  uid: number,
): Environment {
  const own = uid === process.getuid!() ? base : withoutSession(base)
  let env: Environment = { ...own, ...script?.environment }
  for (const step of script?.steps ?? []) {
    const variables =
      step.kind === 'envdir' ? readEnvdir(resolve(directory, step.directory)) : rules?.variables
    env = { ...env, ...variables }
  }
  if (options.client !== undefined) env = { ...env, TCPREMOTEIP: options.client }
  return withoutLoaders(slotEnvironment(env, options))
}

/** A relative QMAILQUEUE starts at qmail's home. */
function slotProgram(
  option: string | undefined,
  queue: string | undefined,
  qmailHome: string,
): string {
  if (option !== undefined) return resolve(option)
  return queue ? resolve(qmailHome, queue) : installedQueue()
}
