import { lstatSync } from 'node:fs'
import { errorCode } from '../errors/fault.ts'

/**
 * Returns whether there is something at a path, even if it is a link to nothing. If this cannot be
 * found out, the answer is yes: opening it says why.
 */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}
