import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt } from '../errors/fault.ts'
import { shellWord } from '../text/shell-word.ts'

/**
 * Returns the command with which root lets this process, and all others, read a file to which it was denied access. It is
 * about the first directory on the way that is closed, or else about the file: a closed directory hides whether the
 * file exists.
 */
export function commandToOpen(path: string): string {
  const closed = closedDirectory(dirname(path))
  return closed === undefined ? `chmod a+r ${shellWord(path)}` : `chmod a+x ${shellWord(closed)}`
}

function closedDirectory(directory: string): string | undefined {
  const above = dirname(directory)
  const higher = above === directory ? undefined : closedDirectory(above)
  if (higher !== undefined) return higher
  // The lookup of `.` needs the right to search the directory: path_resolution(7).
  return attempt(() => statSync(`${directory}/.`)) === undefined ? directory : undefined
}
