import { readdirSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, errorCode } from '../../../ground/errors/fault.ts'
import { inheritedDescriptor } from '../../../ground/process/descriptors.ts'
import { passwdEntries, readPasswd } from '../../../ground/process/passwd.ts'

/** A log, or a part of one. */
export interface LogFile {
  readonly path: string
  /** When it was written last, in milliseconds since 1970. */
  readonly modified: number
  /** Set if the user named the directory, and so did not choose this file. */
  readonly isFound?: true
  /** The command that prints it, for the journal. */
  readonly command?: readonly [string, ...string[]]
}

/**
 * The name of a file that multilog(8) has closed: `@`, the time of that in TAI64N, `.s` or `.u`.
 */
const CLOSED = /^@[0-9a-f]{24}\.[su]$/

/**
 * Finds the log at a path: a file, a directory of multilog(8) with all its files in the order in which
 * they were written, or a descriptor that the caller has opened, as a shell does for <(...). Throws if
 * the path cannot be read.
 */
export function findLog(path: string): LogFile[] {
  if (inheritedDescriptor(path) !== undefined) return [{ path, modified: Date.now() }]
  const status = statusOfLog(path)
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
      return [{ path: file, modified: statSync(file).mtimeMs, isFound: true }]
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [] // multilog removes the oldest
      return [{ path: file, modified: Date.now(), isFound: true }] // its reader says why
    }
  })
}

/** The status of what a path leads to. Throws if it leads to nothing, with the remedy. */
function statusOfLog(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Error(`${path}: does not exist; name a log, or a directory of multilog`)
  }
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

/** Returns the journal of this host, from `since` to `until` in milliseconds since 1970. */
export function journal({
  since,
  until,
}: {
  readonly since: number | undefined
  readonly until: number | undefined
}): LogFile {
  const from = since === undefined ? [] : [`--since=@${(since / 1000).toFixed(3)}`]
  const to = until === undefined ? [] : [`--until=@${(until / 1000).toFixed(3)}`]
  const options = ['--quiet', '--no-pager', '--output=short-iso-precise', ...from, ...to]
  const command = ['journalctl', ...options, ...matches()] as const
  return { path: 'the journal', modified: Date.now(), command }
}
