import { serviceExit } from '../lib/process/command-line.ts'
import type { Environment } from '../lib/process/environment.ts'
import { printCheck } from '../lib/process/print-check.ts'
import { readControlDirectories } from '../settings/control-directories.ts'
import { ownHost } from './stage/stage.ts'
import { tryStages } from './stages.ts'

/**
 * `onescan-queue --check`: tries all that mail needs to be scanned by these variables, as this user.
 * Returns the exit code: 0, or 111 if there is an error. Throws if descriptor 1 cannot be written to.
 */
export async function checkHere(env: Environment): Promise<number> {
  const host = ownHost(env, readControlDirectories(env), false)
  const checkLines = await printCheck(tryStages(host), false)
  return checkLines.some(({ level }) => level === 'error')
    ? serviceExit.temporary
    : serviceExit.done
}
