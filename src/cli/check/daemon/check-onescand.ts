import type { Finding } from '../../../ground/errors/finding.ts'
import { readAccounts } from '../../../readiness/account.ts'
import type { StageHost } from '../../../readiness/stage.ts'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import type { RunningDaemon } from '../../shared/running-daemon.ts'
import type { DaemonWords } from '../shared/host.ts'
import { checkListeners } from '../shared/listeners.ts'
import { tryDaemon } from '../shared/try-as-account.ts'
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

async function checkSettingsOf(host: StageHost, words: DaemonWords): Promise<Finding[]> {
  const findings = checkListeners(host, words.words)
  for await (const finding of tryDaemon(host, words)) {
    findings.push(ofService(finding, 'onescand', words.file))
  }
  return findings
}
