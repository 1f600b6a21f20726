import { DEFAULTS } from '../shared/defaults-file.ts'
import { tryAsAccount } from './as-account.ts'
import { onescandReadings } from './checks.ts'
import { findAskedDaemon } from './daemon/asked-daemon.ts'
import { configuredDaemon } from './daemon/configured-daemon.ts'
import { checkRelays } from './daemon/relays.ts'
import { checkRunning } from './daemon/running-daemon.ts'
import type { MailServer } from './mail-servers/find.ts'
import { readAccounts } from './shared/account.ts'
import type { Finding } from './shared/finding.ts'
import type { Host } from './shared/host.ts'
import { runCheck } from './shared/run-check.ts'

/**
 * Checks the settings of onescand and, if these mail servers ask an onescand that runs, that one.
 * Undefined if there is neither. `processes` is proc(5).
 */
export async function checkOnescand(
  servers: readonly MailServer[],
  processes: string,
): Promise<Finding[] | undefined> {
  const accounts = readAccounts()
  const running = await findAskedDaemon(servers, processes)
  const configured = configuredDaemon(running, accounts, Date.now())
  if (configured === undefined) return undefined
  const { host, findings: ofFile } = configured
  const findings = [...ofFile]
  if (running !== undefined) {
    findings.push(...checkRunning(running, { defaults: DEFAULTS, accounts }))
    findings.push(...(await checkRelays(running.words)))
  }
  if (host.daemon !== undefined) findings.push(...(await checkSettingsOf(host)))
  return findings.map((finding) => {
    const { what } = finding
    return { ...finding, what: what.includes('onescand') ? what : `${what} [onescand]` }
  })
}

async function checkSettingsOf(host: Host): Promise<Finding[]> {
  const readings: Finding[] = []
  for (const reading of onescandReadings) readings.push(...(await runCheck(reading, host)))
  const keyringIsBad = readings.some(
    ({ what, level }) => /^key(ring$| )/.test(what) && level !== 'ok',
  )
  const findings = [...readings]
  for await (const finding of tryAsAccount(host, { mayBeRoot: false, scans: true })) {
    if (!(keyringIsBad && isAboutKeyring(finding))) findings.push(finding)
  }
  return findings
}

/** Whether `onescand --check` says here what the check of the keyring says in more detail. */
function isAboutKeyring({ value }: Finding): boolean {
  return /^CLUSTERKEYS|: no clustering$/.test(value)
}
