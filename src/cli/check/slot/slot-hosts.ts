import { resolve } from 'node:path'
import { type Accounts, ownAccount } from '../../../doors/readiness/account.ts'
import { errorText, Fault } from '../../../ground/errors/fault.ts'
import { readOwnFile } from '../../../ground/path/open.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { readControlDirectories } from '../../../scan/judge/policy.ts'
import { installedQueue } from '../../shared/hand-to-slot.ts'
import type { RunningService } from '../../shared/running-services.ts'
import { type EnvironmentOptions, slotEnvironment } from '../../shared/slot-environment.ts'
import { type Host, noLimits } from '../shared/host.ts'
import { classText, type RuleClass, readRules } from '../shared/tcp-rules.ts'
import { isOnescanc } from './slot-program.ts'

/** Options that say how the slot is set up, or whose slot it is. */
export interface SlotOptions extends EnvironmentOptions {
  /** A running service. */
  readonly pid: string | undefined
  /** The name of an account. */
  readonly user: string | undefined
}

/** Whether an option or variable says how the slot is set up. */
export function namesSlot({ pid, user, envdir, env }: SlotOptions): boolean {
  const { QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN } = process.env
  return (
    [pid, user, envdir, env[0]].some((word) => word !== undefined) ||
    [QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN].some(Boolean)
  )
}

/**
 * Returns the host as the slot of this service sees it, once for each class of clients in its rules.
 * Without a service it is as the options say, by this process's variables. Throws a
 * Fault of kind `config` if rules are missing.
 */
export function slotHosts(
  service: RunningService | undefined,
  options: SlotOptions,
  base: Environment,
  accounts: Accounts,
  now: number,
): Host[] {
  const account = ownAccount(accounts)
  const given = service?.env ?? base
  return clientClasses(service?.rules).map((rules) => {
    const own = { ...given, ...rules?.variables }
    const env = slotEnvironment(own, options)
    const directories = readControlDirectories(env)
    // A relative QMAILQUEUE starts at qmail's home.
    const program = env.QMAILQUEUE
      ? resolve(directories.qmailHome, env.QMAILQUEUE)
      : installedQueue()
    return {
      env,
      directories,
      account,
      accounts,
      limits: service?.limits ?? noLimits,
      clients: rules && classText(rules),
      program,
      isDaemon: false,
      asksOnescand: isOnescanc(program),
      now,
    }
  })
}

/** The classes of the rules; one class without rules if there are none. */
function clientClasses(file: string | undefined): (RuleClass | undefined)[] {
  if (file === undefined) return [undefined]
  try {
    return readRules(readOwnFile(file))
  } catch (error) {
    const remedy = 'run tcprules; without it tcpserver accepts no connection'
    throw new Fault('config', `-x ${file}: ${errorText(error)}; ${remedy}`, error)
  }
}
