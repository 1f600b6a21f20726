import { lstatSync } from 'node:fs'
import { attempt, errorText } from '../../../ground/errors/fault.ts'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { askProgram } from '../shared/ask-program.ts'
import { oddFinding } from './configured-daemon.ts'
import { ofService } from './of-service.ts'

const SERVICE = 'onescan-quotad'
const DEFAULTS = `/etc/default/${SERVICE}`
/** The links by which systemd starts the service: those of enabled units. */
const WANTED = '/etc/systemd/system'
const STARTED_FROM = [
  `${WANTED}/multi-user.target.wants/${SERVICE}.service`,
  `${WANTED}/sockets.target.wants/${SERVICE}.socket`,
  ...['/service', '/etc/service', '/var/service'].map((directory) => `${directory}/${SERVICE}`),
]

/** Whether this host starts it: by systemd, or from the usual directories of services. */
export function isQuotadStarted(): boolean {
  return STARTED_FROM.some((path) => attempt(() => lstatSync(path)) !== undefined)
}

/** Yields what `onescan-quotad --check` says about its settings, if this host starts it. */
export async function* checkQuotadStart(): AsyncGenerator<Finding> {
  if (!hasDefaults(DEFAULTS) || !isQuotadStarted()) return
  try {
    const { env, words, where, odd } = readDefaults(DEFAULTS)
    yield* odd.map(oddFinding)
    const command = siblingCommand(SERVICE, '--check', '--json', ...words)
    const given = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env }
    for await (const finding of askProgram(command, given)) {
      yield { ...ofService(finding, SERVICE, where), what: `${finding.what} [${SERVICE}]` }
    }
  } catch (thrown) {
    yield warning(`settings [${SERVICE}]`, errorText(thrown), 'run check as root')
  }
}
