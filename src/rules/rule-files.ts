import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../ground/errors/fault.ts'

/** The places of the file, in the order in which they are tried. */
export function ruleFiles(control: string, hostDirectory: string): readonly string[] {
  return [
    join(control, 'onescan.policy'),
    join(hostDirectory, 'policy'),
    join(control, 'simcontrol'),
  ]
}

/** Whether a file of that name has to be read: also one that cannot be looked at, or a link to nothing. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}
