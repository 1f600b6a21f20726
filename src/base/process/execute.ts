import { accessSync, closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Fault } from '../errors/fault.ts'

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

interface NextProgram {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Becomes the next program by execve(2), which inherits descriptors 0, 1 and 2. Does not return. */
export function replaceProcess(next: NextProgram): never {
  return process.execve!(next.program, [next.program, ...next.args], next.environment)
}

/**
 * Makes two files the descriptors 0 and 1, from their beginning, for the next program. Throws if it cannot.
 * No asynchronous file operation may be in progress: it could reuse the descriptor that is freed here.
 */
export function putInPlace(message: number, envelope: number): void {
  putAt(0, message)
  putAt(1, envelope)
}

/**
 * Opens a file again at exactly this descriptor, from its beginning. open(2) returns the lowest free number,
 * which is the one that was just closed. The result is checked: a wrong number would queue the wrong bytes.
 */
function putAt(fd: 0 | 1, source: number): void {
  const wanted = fstatSync(source)
  closeSync(fd)
  const opened = openSync(`/proc/self/fd/${source}`, 'r')
  const got = fstatSync(opened)
  if (opened !== fd || got.dev !== wanted.dev || got.ino !== wanted.ino) {
    throw new Fault('write', `fd ${fd} could not be put in place`)
  }
}
