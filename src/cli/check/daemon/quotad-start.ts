import { lstatSync } from 'node:fs'
import { attempt, errorText } from '../../../ground/errors/fault.ts'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { askService } from '../shared/ask-service.ts'

const SERVICE = 'onescan-quotad'
const QUOTAD_DEFAULTS = `/etc/default/${SERVICE}`
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
  if (!hasDefaults(QUOTAD_DEFAULTS) || !isQuotadStarted()) return
  try {
    const { env, words, where, findings } = readDefaults(QUOTAD_DEFAULTS)
    yield* findings
    const given = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env }, file: where }
    for await (const finding of askService(SERVICE, ['--check', ...words], given)) {
      yield { ...finding, what: `${finding.what} [${SERVICE}]` }
    }
  } catch (thrown) {
    yield warning(`settings [${SERVICE}]`, errorText(thrown), 'run check as root')
  }
}
