import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Finds the file of a program: the name itself if it has a slash, else the first executable of that
 * name in PATH. Returns the name if there is none.
 */
export function findProgram(name: string, path: string): string {
  if (name.includes('/')) return name
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory || '.', name)
    if (isExecutable(candidate)) return candidate
  }
  return name
}

/** Throws if this user cannot execute the file. */
export function checkExecutable(file: string): void {
  accessSync(file, constants.X_OK)
  if (!statSync(file).isFile()) throw new Error('is not a file')
}

export function isExecutable(file: string): boolean {
  try {
    checkExecutable(file)
    return true
  } catch {
    return false
  }
}
