import { readdirSync, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { attempt } from '../../ground/errors/attempt.ts'
import { errorCode } from '../../ground/errors/fault.ts'
import { withPath } from '../../ground/path/walk.ts'
import { passwdEntries, readPasswd } from '../../ground/process/passwd.ts'

/** Standard input. */
export const STDIN = '/dev/stdin'

/** A log: one or more files, the oldest first, or a program that prints it. */
export interface LogSource {
  readonly files: readonly LogFile[]
  /** The host, for lines that do not name it, if several logs were named; otherwise ''. */
  readonly label: string
}

export interface LogFile {
  readonly path: string
  /** When it was written last, in milliseconds since 1970. */
  readonly modified: number
  /** Set if the user named the directory, and so did not choose this file. */
  readonly isFound?: true
  /** The command that prints the log: that of the journal, or tail(1). */
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
  const named = paths.filter((path) => path !== STDIN)
  for (const path of named) checkThatItIsThere(path)
  const labels = labelsOf(named)
  return paths.map((path) => ({ files: filesOf(path), label: labels.get(path) ?? '' }))
}

/** Throws if a path leads to nothing, with the remedy. */
function checkThatItIsThere(path: string): void {
  try {
    statusOf(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Error(`${path}: does not exist; name a log, or a directory of multilog`)
  }
}

function filesOf(path: string): LogFile[] {
  if (path === STDIN) return [{ path, modified: Date.now() }]
  const status = statusOf(path)
  if (!status.isDirectory()) return [{ path, modified: status.mtimeMs }]
  const names = readdirSync(path)
  const files = [...names.filter((name) => CLOSED.test(name)).sort(), 'current']
    .filter((name) => names.includes(name))
    .map((name) => join(path, name))
  if (files.length === 0) {
    throw new Error(`${path}: has no files of multilog, which are current and @...; name files`)
  }
  return files.flatMap((file) => {
    try {
      return [{ path: file, modified: statusOf(file).mtimeMs, isFound: true }]
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [] // multilog removes the oldest
      return [{ path: file, modified: Date.now(), isFound: true }] // its reader says why
    }
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
  return statusOf(path).isDirectory() ? whole : dirname(whole)
}

/** stat(2), but for root on no file system of a user, whose answer might never come. */
const statusOf = (path: string): Stats => withPath(path, ({ stats }) => stats)

/** How many older lines are shown before new ones are followed. */
const LINES_BEFORE = 10

/**
 * Returns a log that goes on with new lines, by `tail -F`: a file that is renamed, replaced or
 * truncated is followed by its name. It begins with the last lines, or if `whole` with the first.
 */
export function followed({ files, label }: LogSource, whole: boolean): LogSource {
  const { path, modified } = files.at(-1)!
  const lines = whole ? '+1' : `${LINES_BEFORE}`
  // It ends with this process, however that ends.
  const command = [
    'tail',
    `--pid=${process.pid}`,
    '--quiet',
    '-F',
    '-n',
    lines,
    '--',
    resolve(path),
  ] as const
  return { files: [{ path, modified, command }], label }
}

/**
 * Where systemd-journald(8) keeps the journal, in a directory for each machine: on disk, in memory.
 */
const JOURNALS = ['/var/log/journal', '/run/log/journal']

/**
 * The matches of journalctl(1) that find onescan's lines: by onescand's unit or, if an account of a
 * service wrote them, by the facility of mail servers, which the unit sets, or by the name under
 * which the slot writes to /dev/log. + means *or*. Facility and name are what the writer says, and
 * anybody may say them by logger(1); the journal itself adds unit and account.
 */
function matches(): string[] {
  const accounts = serviceAccounts().map((uid) => `_UID=${uid}`)
  const unit = '_SYSTEMD_UNIT=onescand.service'
  if (accounts.length === 0) return [unit]
  return [
    unit,
    '+',
    'SYSLOG_FACILITY=2',
    ...accounts,
    '+',
    'SYSLOG_IDENTIFIER=onescan',
    ...accounts,
  ]
}

/** The accounts of qmail and vpopmail, which often have the numbers of people. */
const MAIL_ACCOUNT = /^(alias|qmail[a-z]|vpopmail)$/

/**
 * The numbers of root and of accounts that belong to a service and to no person: UID_MIN of
 * login.defs(5), and the numbers that Debian gives out (its policy, 9.2.2).
 */
function serviceAccounts(): number[] {
  const accounts = attempt(() => [...passwdEntries(readPasswd())]) ?? []
  const ofServices = accounts.filter(
    ({ name, uid }) => uid < 1000 || (uid >= 60_000 && uid < 65_000) || MAIL_ACCOUNT.test(name),
  )
  return [...new Set(ofServices.map(({ uid }) => uid))]
}

/** Whether this host has a journal. */
export function hasJournal(): boolean {
  return JOURNALS.some((directory) => {
    try {
      return readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory())
    } catch {
      return false // there is no such directory
    }
  })
}

/**
 * Returns the journal of this host as a log, from `since` to `until` in milliseconds since 1970.
 * With `follow` it goes on with new lines.
 */
export function journalSource(
  { since, until }: { readonly since: number | undefined; readonly until: number | undefined },
  follow: boolean,
): LogSource {
  const from = since === undefined ? [] : [`--since=@${(since / 1000).toFixed(3)}`]
  const to = until === undefined ? [] : [`--until=@${(until / 1000).toFixed(3)}`]
  const on = follow
    ? ['--follow', since === undefined ? `--lines=${LINES_BEFORE}` : '--no-tail']
    : []
  const options = ['--quiet', '--no-pager', '--output=short-iso-precise', ...from, ...to, ...on]
  const command = ['journalctl', ...options, ...matches()] as const
  return { files: [{ path: 'the journal', modified: Date.now(), command }], label: '' }
}
