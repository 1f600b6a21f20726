import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { readAccounts } from '../../../readiness/account.ts'
import type { StageHost } from '../../../readiness/stage.ts'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import type { RunningDaemon } from '../../shared/running-daemon.ts'
import { askProgram } from '../shared/ask-program.ts'
import type { DaemonWords } from '../shared/host.ts'
import { checkListeners } from '../shared/listeners.ts'
import { configuredDaemon } from './configured-daemon.ts'
import { ofService } from './of-service.ts'
import { checkRunning } from './running-daemon.ts'

/** Checks the settings of onescand, and the one that runs. Undefined if there is neither. */
export async function checkOnescand(
  running: RunningDaemon | undefined,
): Promise<Finding[] | undefined> {
  const accounts = readAccounts()
  const configured = configuredDaemon(running?.account, accounts, Date.now())
  if (configured === undefined) return undefined
  const { host, words, findings: ofFile } = configured
  const findings = [...ofFile]
  if (running !== undefined) findings.push(...checkRunning(running, DEFAULTS, accounts))
  if (words !== undefined) findings.push(...(await checkSettingsOf(host, words)))
  return findings.map((finding) => {
    const { what } = finding
    return { ...finding, what: what.includes('onescand') ? what : `${what} [onescand]` }
  })
}

/** What is read of these settings, and what `onescand --check` says with them. */
async function checkSettingsOf(
  host: StageHost,
  { words, held, file }: DaemonWords,
): Promise<Finding[]> {
  const { uid, name } = host.account
  const own = process.getuid!()
  const caller =
    uid === own
      ? []
      : [warning('trials', `are made as uid ${own}, not as ${name}`, 'run check as root')]
  const heldOptions = held.flatMap((address) => ['--held', address])
  const command = siblingCommand('onescand', '--check', '--json', ...heldOptions, ...words)
  const said = await askProgram(command, host.env)
  const findings = said.map((finding) => ofService(finding, 'onescand', file))
  return [...checkListeners(host, words), ...findings, ...caller]
}
