import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** A log: one or more files, the oldest first. */
export interface LogSource {
  readonly files: readonly LogFile[]
  /** The host, for lines that do not name it, if several logs were named; otherwise ''. */
  readonly label: string
}

export interface LogFile {
  readonly path: string
  /** The size in bytes; 0 if it is not known (a pipe). */
  readonly size: number
  /** When it was written last, in milliseconds since 1970. */
  readonly modified: number
  /** Set if the user named the directory, and so did not choose this file. */
  readonly isFound?: true
  /** The command that prints the log, if no file holds its lines: that of the journal. */
  readonly command?: readonly [string, ...string[]]
}

/**
 * The name of a file that multilog(8) has closed: `@`, the time of that in TAI64N, `.s` or `.u`.
 */
const CLOSED = /^@[0-9a-f]{24}\.[su]$/

/**
 * Finds the logs at these paths. A path is a file, or a directory of multilog(8) with all its files
 * in their order. Several logs are labelled by the first part of their paths in which they differ.
 * Throws if a path cannot be read.
 */
export function findLogs(paths: readonly string[]): LogSource[] {
  const labels = labelsOf(paths.filter((path) => path !== STDIN))
  return paths.map((path) => ({ files: filesOf(path), label: labels.get(path) ?? '' }))
}

function filesOf(path: string): LogFile[] {
  if (path === STDIN) return [{ path, size: 0, modified: Date.now() }]
  const status = statSync(path)
  if (!status.isDirectory()) return [{ path, size: status.size, modified: status.mtimeMs }]
  const names = readdirSync(path)
  const files = [...names.filter((name) => CLOSED.test(name)).sort(), 'current']
    .filter((name) => names.includes(name))
    .map((name) => join(path, name))
  if (files.length === 0) {
    throw new Error(`${path}: has no files of multilog, which are current and @...; name files`)
  }
  return files.flatMap((file) => {
    const status = statSync(file, { throwIfNoEntry: false }) // multilog removes the oldest
    if (status === undefined) return []
    return [{ path: file, size: status.size, modified: status.mtimeMs, isFound: true }]
  })
}

function labelsOf(paths: readonly string[]): Map<string, string> {
  const labels = new Map<string, string>()
  // The files of one directory are of one host: they were rotated.
  const directories = new Map(paths.map((path) => [path, directoryOf(path).split('/')]))
  const all = [...directories.values()]
  const longest = Math.max(0, ...all.map((parts) => parts.length))
  for (let index = 0; index < longest; index++) {
    if (new Set(all.map((parts) => parts[index])).size < 2) continue
    for (const [path, parts] of directories) labels.set(path, parts[index] ?? basename(path))
    break
  }
  return labels
}

function directoryOf(path: string): string {
  const whole = resolve(path)
  return statSync(path).isDirectory() ? whole : dirname(whole)
}
