import { existsSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { type Accounts, findAccount } from '../../../readiness/account.ts'
import type { Command } from '../../shared/as-account.ts'
import { hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { settingsAndMisspelt } from '../../shared/session-environment.ts'
import { runTrials } from '../shared/run-trials.ts'
import { oddFinding } from './configured-daemon.ts'
import { ofService } from './of-service.ts'

const SERVICE = 'onescan-quotad'
const DEFAULTS = `/etc/default/${SERVICE}`
/**
 * The links by which a host starts the service: those that systemd makes for enabled units, and those
 * in the usual directories of services.
 */
const STARTED_FROM = [
  `/etc/systemd/system/multi-user.target.wants/${SERVICE}.service`,
  `/etc/systemd/system/sockets.target.wants/${SERVICE}.socket`,
  ...['/service', '/etc/service', '/var/service'].map((directory) => `${directory}/${SERVICE}`),
]

/**
 * The command by which its unit and its run script start the service: as its own user, with the right
 * to read other users' files, and without a terminal.
 */
const AS_SERVICE = [
  ...['/usr/bin/setpriv', '--init-groups', '--no-new-privs'],
  ...['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'],
  '--bounding-set=-all,+dac_read_search',
] as const

/** Returns what `onescan-quotad --check` says about its settings, if this host starts it. */
export async function checkQuotadStart(accounts: Accounts): Promise<Finding[]> {
  if (!hasDefaults(DEFAULTS) || !STARTED_FROM.some((path) => existsSync(path))) return []
  try {
    const { env, words, where, odd } = readDefaults(DEFAULTS)
    const check = siblingCommand(SERVICE, '--check', '--json', ...words)
    const account = process.getuid!() === 0 ? findAccount(accounts, SERVICE, 'all') : undefined
    const command: Command =
      account === undefined
        ? check
        : [...AS_SERVICE, `--reuid=${account.uid}`, `--regid=${account.groups[0]!}`, '--', ...check]
    const given = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...settingsAndMisspelt(env) }
    const findings = odd.map(oddFinding)
    const run = { who: SERVICE, cwd: '/', env: given, ...(account && { account: SERVICE }) }
    for await (const finding of runTrials(command, run)) {
      const { what } = finding
      findings.push({ ...ofService(finding, SERVICE, where), what: `${what} [${SERVICE}]` })
    }
    return findings
  } catch (thrown) {
    return [warning(`settings [${SERVICE}]`, errorText(thrown), 'run check as root')]
  }
}
