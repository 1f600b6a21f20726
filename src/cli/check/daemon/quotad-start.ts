import { existsSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { type Accounts, findAccount } from '../shared/account.ts'
import { type Finding, warning } from '../shared/finding.ts'
import { oddFinding } from './configured-daemon.ts'
import { startFindings } from './onescand-start.ts'

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
  ...['/usr/bin/setsid', '--wait', '/usr/bin/setpriv', '--init-groups', '--no-new-privs'],
  ...['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'],
  '--bounding-set=-all,+dac_read_search',
] as const

/** Variables that change what a program does before it gives up root. */
const OF_LOADERS = /^(LD_|GLIBC_|MALLOC_|NODE_|BUN_)/

/** Returns what `onescan-quotad --check` says about its settings, if this host starts it. */
export async function checkQuotadStart(accounts: Accounts): Promise<Finding[]> {
  const what = `${SERVICE} settings`
  if (!hasDefaults(DEFAULTS) || !STARTED_FROM.some((path) => existsSync(path))) return []
  try {
    const { env, words, where, odd } = readDefaults(DEFAULTS)
    const check = siblingCommand(SERVICE, '--check', ...words)
    const account = process.getuid!() === 0 ? findAccount(accounts, SERVICE, 'all') : undefined
    const command: readonly [string, ...string[]] =
      account === undefined
        ? check
        : [...AS_SERVICE, `--reuid=${account.uid}`, `--regid=${account.groups[0]!}`, '--', ...check]
    const given = Object.entries(env).filter(([name]) => !OF_LOADERS.test(name))
    const plain = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...Object.fromEntries(given) }
    return [
      ...odd.map(oddFinding),
      ...(await startFindings(command, plain, { service: SERVICE, file: where })),
    ]
  } catch (thrown) {
    return [warning(what, errorText(thrown), 'run check as root')]
  }
}
