import { ownCommand } from '../../ground/runtime/compiled-program.ts'
import { runTrials } from './run-trials.ts'
import { error, type Finding, warning } from './shared/finding.ts'
import { accountText, type Host } from './shared/host.ts'
import { TRIALS } from './trial-protocol.ts'

/** A program of util-linux. Like setuidgid, it drops the supplementary groups. */
const SETPRIV = '/usr/bin/setpriv'

/**
 * Makes the trials as the account of the slot, in a process that has nothing of root's: not the
 * user, not the environment, not the working directory, and not the terminal, at which it could type
 * commands. Only that process touches what the settings name (scanners, plugins, LD_PRELOAD, PATH).
 * If the user cannot be changed, nothing is tried, and a finding says so.
 *
 * `mayBeRoot`: whether the administrator named root as the account. `scans`: whether mail can be
 * scanned, as far as is known.
 */
export async function* tryAsAccount(
  host: Host,
  { mayBeRoot, scans }: { readonly mayBeRoot: boolean; readonly scans: boolean },
): AsyncGenerator<Finding> {
  const own = process.getuid!()
  const { uid } = host.account
  if (own === 0 && uid === 0 && !mayBeRoot) {
    yield host.daemon === undefined
      ? error(
          'trials',
          'the slot would run as root: nothing was tried',
          'name its account with --user',
        )
      : error(
          'trials',
          'onescand would run as root: nothing was tried',
          'start it as a user of its own, as the unit and the run script of the package do',
        )
    return
  }
  const changes = own === 0 && uid !== 0
  const command = ownCommand('onescan', TRIALS)
  yield* runTrials(changes ? asOther(host, command) : command, host, {
    uid: changes ? uid : own,
    scans,
    cwd: changes ? '/' : process.cwd(),
  })
  if (own === 0 || own === uid) return
  const value = `were made as uid ${own}, not as ${accountText(host)}`
  yield warning('trials', value, 'run check as root')
}

function asOther({ account }: Host, command: readonly string[]): readonly [string, ...string[]] {
  const [first = account.uid, ...others] = account.groups
  const groups = others.length > 0 ? `--groups=${account.groups.join(',')}` : '--clear-groups'
  return [SETPRIV, `--reuid=${account.uid}`, `--regid=${first}`, groups, '--', ...command]
}
