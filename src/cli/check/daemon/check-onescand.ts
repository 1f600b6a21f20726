import { readAccounts } from '../../../doors/readiness/account.ts'
import { error, type Finding, warning } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import { rootFacts } from '../../shared/root-facts.ts'
import { askRunningDaemon, type RunningDaemon } from '../../shared/running-daemon.ts'
import { askProgram } from '../shared/ask-program.ts'
import { howToStart } from '../shared/how-to-start.ts'
import { type ConfiguredDaemon, configuredDaemon } from './configured-daemon.ts'
import { ofService } from './of-service.ts'
import { askForTrial, checkRunning } from './running-daemon.ts'

/**
 * Checks the settings of onescand, the one that runs, and whether mail is scanned by both. `isNeeded`: only
 * the slot goes on without it.
 */
export async function* checkOnescand(
  running: RunningDaemon | undefined,
  isNeeded: boolean,
): AsyncGenerator<Finding> {
  const accounts = readAccounts()
  const configured = configuredDaemon(running?.account, accounts, Date.now())
  if (configured === undefined) return
  const all = [
    ...configured.findings,
    ...(running ? checkRunning(running, DEFAULTS, accounts) : []),
  ]
  for (const finding of all) yield ofOnescand(finding)
  for await (const finding of checkStartOf(configured, '--check')) yield ofOnescand(finding)
  if (running !== undefined) yield* await askForTrial(running)
  else {
    const level = isNeeded ? error : warning
    yield { ...level('onescand', 'does not answer', howToStart()), follows: 'stops the start' }
  }
}

/** Checks the onescand that runs or, if none does, says why. */
export async function* checkRunningDaemon(): AsyncGenerator<Finding> {
  const running = await askRunningDaemon()
  if (running !== undefined) {
    yield* checkRunning(running, DEFAULTS, readAccounts())
    yield* await askForTrial(running)
    return
  }
  const remedy = rootFacts === undefined ? 'run check as root' : howToStart()
  yield error('onescand', 'does not answer', remedy)
  const configured = configuredDaemon(undefined, readAccounts(), Date.now())
  if (configured === undefined) return
  yield* configured.findings
  for await (const finding of checkStartOf(configured, '--check-settings')) {
    if (finding.level === 'error') yield finding
  }
}

const ofOnescand = (finding: Finding): Finding => {
  const { what } = finding
  return { ...finding, what: what.includes('onescand') ? what : `${what} [onescand]` }
}

/** What onescand itself says with these settings, the settings first. */
async function* checkStartOf(
  { host, words: options }: ConfiguredDaemon,
  mode: '--check' | '--check-settings',
): AsyncGenerator<Finding> {
  if (options === undefined) return
  const { words, held, file } = options
  const heldOptions = held.flatMap((address) => ['--held', address])
  const command = siblingCommand('onescand', mode, '--json', ...heldOptions, ...words)
  for await (const finding of askProgram(command, host.env))
    yield ofService(finding, 'onescand', file)
  const { uid, name } = host.account
  const own = process.getuid!()
  if (uid !== own && mode === '--check') {
    yield warning('trials', `are made as uid ${own}, not as ${name}`, 'run check as root')
  }
}
