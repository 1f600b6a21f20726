import { error, type Finding, warning } from '../../../ground/errors/finding.ts'
import { leaveBehindForOthers } from '../../../ground/process/leave-behind.ts'
import { ownCommand, siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { checkScanner } from '../../../readiness/settings.ts'
import { accountText, type StageHost } from '../../../readiness/stage.ts'
import { type Command, commandAs } from '../../shared/as-account.ts'
import { settingsAndMisspelt } from '../../shared/session-environment.ts'
import type { DaemonWords, Host } from './host.ts'
import { runTrials, type TrialRun } from './run-trials.ts'
import { TRIALS, trialHost } from './trial-protocol.ts'

/** The PATH of trials that get their environment otherwise. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Makes the trials of the slot as its account. Only their process touches what the settings name
 * (scanners, plugins, LD_PRELOAD, PATH). If the user cannot be changed, nothing is tried, and a finding
 * says so. `mayBeRoot`: whether the administrator named root as the account.
 */
export async function* trySlot(host: Host, mayBeRoot: boolean): AsyncGenerator<Finding> {
  if (host.account.uid === 0 && process.getuid!() === 0 && !mayBeRoot) {
    yield* checkScanner(host).filter(({ level }) => level === 'error')
    const value = 'the slot would run as root: nothing was tried'
    yield error('trials', value, 'name its account with --user')
    return
  }
  const input = JSON.stringify(trialHost(host))
  yield* runAs(host, ownCommand('onescan', TRIALS), { env: { PATH }, input })
}

/** Yields what `onescand --check` says as its account, with the options and settings of its file. */
export async function* tryDaemon(
  host: StageHost,
  { words, held }: DaemonWords,
): AsyncGenerator<Finding> {
  if (host.account.uid === 0 && process.getuid!() === 0) {
    const value = 'onescand would run as root: nothing was tried'
    const remedy = 'start it as a user of its own, as the unit and the run script of the package do'
    yield error('trials', value, remedy)
    return
  }
  const heldOptions = held.flatMap((address) => ['--held', address])
  const command = siblingCommand('onescand', '--check', '--json', ...heldOptions, ...words)
  yield* runAs(host, command, { env: settingsAndMisspelt(host.env) })
}

/**
 * Runs a command as the account of the host, in a process that has nothing of root's: not the user,
 * not the environment, not the working directory, not the files that are open, and not the terminal, at
 * which it could type commands.
 */
async function* runAs(
  host: StageHost,
  command: Command,
  run: Pick<TrialRun, 'env' | 'input'>,
): AsyncGenerator<Finding> {
  const own = process.getuid!()
  const { uid, groups, name } = host.account
  const changes = own === 0 && uid !== 0
  const who = accountText(host)
  if (changes) leaveBehindForOthers()
  yield* runTrials(changes ? commandAs(uid, groups, command) : command, {
    ...run,
    who,
    ...(changes && { account: name }),
    cwd: changes ? '/' : process.cwd(),
  })
  if (own === 0 || own === uid) return
  yield warning('trials', `were made as uid ${own}, not as ${who}`, 'run check as root')
}
