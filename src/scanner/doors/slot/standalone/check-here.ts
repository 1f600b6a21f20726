import { printCheck } from '../../../../base/check/print-check.ts'
import { serviceExit } from '../../../../base/process/command-line.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { readControlDirectories } from '../../../../base/settings/control-directories.ts'
import { ownHost } from '../../../readiness/host/checked-host.ts'
import { runChecks } from '../../../readiness/run-checks.ts'

/**
 * `onescan-queue --check`: tries all that mail needs to be scanned by these variables, as this user.
 * Returns the exit code: 0, or 111 if there is an error. Throws if descriptor 1 cannot be written to.
 */
export async function checkHere(env: Environment): Promise<number> {
  const host = ownHost(env, readControlDirectories(env), false)
  const checkLines = await printCheck(runChecks(host), false)
  return checkLines.some(({ level }) => level === 'error')
    ? serviceExit.temporary
    : serviceExit.done
}
