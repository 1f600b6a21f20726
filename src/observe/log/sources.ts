import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** One log: files that follow one another. */
export interface LogSource {
  readonly files: readonly LogFile[]
  /** Its host, if several logs were named and their lines do not say it; else ''. */
  readonly label: string
}

export interface LogFile {
  readonly path: string
  /** Bytes; 0 if that is not known (a pipe). */
  readonly size: number
  /** Milliseconds since 1970 when it was written last. */
  readonly modified: number
  /** Set if the user named its directory, and so did not choose this file. */
  readonly isFound?: true
  /** What prints it, where no file holds it as lines: the journal. */
  readonly command?: readonly [string, ...string[]]
}

/** multilog(8): `@`, the label of the time that the file was closed, `.s` or `.u`. */
const CLOSED = /^@[0-9a-f]{24}\.[su]$/

/**
 * The logs that the paths stand for: a file, or a directory of multilog's with all its files in
 * their order. Several are told apart by the first part of their paths in which they differ.
 * Throws for what cannot be read.
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
  // Files of one directory are one host's: what was rotated.
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
