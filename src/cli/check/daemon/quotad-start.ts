import { existsSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { askProgram } from '../shared/ask-program.ts'
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

/** Returns what `onescan-quotad --check` says about its settings, if this host starts it. */
export async function checkQuotadStart(): Promise<Finding[]> {
  if (!hasDefaults(DEFAULTS) || !STARTED_FROM.some((path) => existsSync(path))) return []
  try {
    const { env, words, where, odd } = readDefaults(DEFAULTS)
    const command = siblingCommand(SERVICE, '--check', '--json', ...words)
    const said = await askProgram(command, { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env })
    const findings = said.map((finding) => {
      return { ...ofService(finding, SERVICE, where), what: `${finding.what} [${SERVICE}]` }
    })
    return [...odd.map(oddFinding), ...findings]
  } catch (thrown) {
    return [warning(`settings [${SERVICE}]`, errorText(thrown), 'run check as root')]
  }
}
