import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Directories of administrators' programs. The PATH of an ordinary account leaves them out. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * Returns the absolute path of a program in PATH or in a system directory, or undefined if there is
 * none. Relative directories of PATH are ignored.
 */
export function findProgram(name) {
  const directories = [...(process.env.PATH ?? '').split(':'), ...SYSTEM_DIRECTORIES]
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
