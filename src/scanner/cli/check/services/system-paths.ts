import { lstatSync } from 'node:fs'
import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { PathHandle } from '../../../../base/path/path-handle.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatMode } from '../../../../base/text/units.ts'
import { obstacle, type SystemAccount } from '../../../readiness/host/account.ts'
import { howToStart } from './service-state.ts'

/** An account that owns none of these files, and is in none of their groups. */
const ANY: SystemAccount = { name: 'any', uid: 65_534, groups: [65_534] }
/** What programs of all accounts read, and where their files are: file-hierarchy(7). */
const READ = ['/etc/passwd', '/etc/group', '/etc/nsswitch.conf', '/etc/hosts']
const ENTERED = ['/usr/bin', '/usr/sbin', '/usr/lib', '/var/lib', '/var/spool', '/run']

/** Where programs of all accounts write temporary files, such as clamd. */
const SHARED = ['/tmp', '/var/tmp']
const OF_SHARED = 0o1777

/**
 * Returns the paths of the system that accounts other than root cannot use, as after a backup was restored with root's umask.
 * Programs then complain of other things, or of nothing.
 */
export function checkSystemPaths(
  read: readonly string[] = READ,
  entered: readonly string[] = ENTERED,
  none = '/dev/null',
  shared: readonly string[] = SHARED,
): CheckLine[] {
  const closed = [
    ...read.flatMap((path) => attempt(() => obstacle(ANY, path, 'read')) ?? []),
    ...entered.flatMap((path) => attempt(() => obstacle(ANY, path, 'search')) ?? []),
  ]
  const checkLines: CheckLine[] = [...new Set(closed)].map((path) => {
    const isDirectory = lstatSync(path).isDirectory()
    const verb = isDirectory ? 'enter' : 'read'
    const value = `accounts such as onescan may not ${verb} it, and their programs fail`
    return failure(path, value, `chmod a+r${isDirectory ? 'x' : ''} ${shellWord(path)}`)
  })
  for (const path of shared) {
    const { mode = OF_SHARED } = attempt(() => PathHandle.with(path, ({ stats }) => stats)) ?? {}
    if ((mode & OF_SHARED) === OF_SHARED) continue
    const value = `has mode ${formatMode(mode)}: programs may be unable to write temporary files there, or not be protected from other accounts`
    checkLines.push(warning(path, value, `chmod 1777 ${shellWord(path)}`))
  }
  const status = attempt(() => lstatSync(none))
  if (status?.isCharacterDevice() && (status.mode & 0o666) === 0o666) return checkLines
  const make = `rm -f ${none} && mknod -m 666 ${none} c 1 3 && ${howToStart('onescand', 'restart')}`
  return [...checkLines, failure(none, 'is not the device that all programs may write to', make)]
}
