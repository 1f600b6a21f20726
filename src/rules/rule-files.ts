import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../ground/errors/fault.ts'

/** Lists the paths of files of rules, in the order in which they are tried. */
export function ruleFiles(control: string, hostDirectory: string): readonly string[] {
  return [
    join(control, 'onescan.policy'),
    join(hostDirectory, 'policy'),
    join(control, 'simcontrol'),
  ]
}

/** Whether there is something at a path, even if it cannot be read or is a link to nothing. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}
