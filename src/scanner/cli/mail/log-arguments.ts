import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname } from 'node:path'
import { type CheckLine, failure, inOneLine } from '../../../base/check/check-line.ts'
import { attempt, errorCode } from '../../../base/errors/fault.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { settingsOfOnescand } from '../../configuration/settings-of-onescand.ts'
import { parseTime } from '../../log/criteria.ts'
import {
  findLog,
  hasJournal,
  journal,
  type LogFile,
  rotatedLogs,
  SYSLOG_FILES,
} from '../../log/read-log.ts'
import {
  obstacle,
  ownAccount,
  readAccounts,
  type SystemAccount,
} from '../../readiness/host/account.ts'
import { caller } from '../command/caller.ts'
import { textOption } from '../command/cli-options.ts'
import { findStorageOff } from '../host/check-journal.ts'
import { STDIN } from './message-file.ts'

/** The argument of every command that reads logs, in the form of yargs. */
export const filesArgument = {
  type: 'string',
  array: true,
  default: [],
  describe: "Logs, or directories of multilog; - reads standard input [default: this host's logs]",
} as const

export const spanOptions = {
  since: textOption('Not before this time: yesterday, 2026-11-19, 2026-11-19 14:30, 36h'),
  until: textOption('Before that time'),
} as const

/** Parses --since and --until, in unix milliseconds. Throws if one of them is not a time. */
export function spanOf(
  args: { readonly since: string | undefined; readonly until: string | undefined },
  now: number,
): { since: number | undefined; until: number | undefined } {
  const moment = (option: 'since' | 'until') => {
    const words = args[option]
    return words === undefined ? undefined : parseTime(`--${option}`, words, now)
  }
  return { since: moment('since'), until: moment('until') }
}

/**
 * Finds the logs that are named on the command line; without names, the logs of this host and its journal
 * during `span`, with the files of before their last rotation if they may have lines since its beginning. Standard input is read only if it is named: under ssh and cron it is an empty pipe. Throws
 * if there is no log, or if one cannot be read.
 */
export function findLogs(files: readonly string[], span: ReturnType<typeof spanOf>): LogFile[] {
  if (files.length > 0) return files.flatMap((file) => findLog(file === '-' ? STDIN : file))
  const { since } = span
  const found = logsOfHost(span).flatMap((log) =>
    since === undefined || log.isFound || log.command !== undefined
      ? [log]
      : [...rotatedLogs(log.path, since), log],
  )
  const closed = checkReadable(found)
  if (closed !== undefined) throw new Error(inOneLine(closed))
  if (found.length > 0) return found
  const what = `found neither a journal nor any of ${PLACES.join(', ')}`
  throw new Error(`${what}; specify the log file, or the directory to which multilog writes`)
}

/** The files of syslog, and the directories to which multilog writes the lines of services. */
const PLACES = [
  ...SYSLOG_FILES,
  '/var/log/onescand',
  '/var/log/qmail/smtpd',
  '/var/log/qmail/qmail-smtpd',
  '/var/log/smtpd',
]

/**
 * Returns the existing logs in PLACES and in LOGFILE of onescand's settings, and the journal during `span` if
 * it may contain more. Of the logs in PLACES, those are omitted that this account may not read if LOGFILE or the journal
 * has their lines. A file of syslog usually has all lines of the journal, if it was written to since the host was started;
 * `takesAll` adds the journal nevertheless, since the file may contain the lines of Postfix alone (maillog_file).
 */
export function logsOfHost(span: ReturnType<typeof spanOf>, { takesAll = false } = {}): LogFile[] {
  const own = settingsOfOnescand().LOGFILE
  const journals = hasJournal()
  const hasOthers = Boolean(own) || (journals && findStorageOff() === undefined)
  const places = PLACES.filter((path) => existsSync(path) && !(hasOthers && isClosed(path)))
  // A LOGFILE that cannot be read stays: opening it reports the reason.
  const files = [
    ...new Set([...(own && (isClosed(own) || existsSync(own)) ? [own] : []), ...places]),
  ]
  const found = files.flatMap((path) =>
    isClosed(path) ? [{ path, modified: Date.now() }] : (attempt(() => findLog(path)) ?? []),
  )
  const isWhole = files.some(
    (file) => file === own || (SYSLOG_FILES.includes(file) && isWritten(file)),
  )
  return (isWhole && !takesAll) || !journals ? found : [...found, journal(span)]
}

/** Returns whether something was written to a file since the host was started. A syslog that was removed leaves its file behind. */
const isWritten = (file: string): boolean =>
  (attempt(() => statSync(file).mtimeMs) ?? 0) >= Date.now() - uptime() * 1000

/** Returns the check line about the first of these logs that this account may not read, or undefined if it may. */
export function checkReadable(logs: readonly LogFile[]): CheckLine | undefined {
  const closed = logs.find((log) => log.command === undefined && isClosed(log.path))
  if (closed === undefined) return undefined
  const { path } = closed
  const account = ownAccount(readAccounts())
  const barrier = attempt(() => obstacle(account, path, 'read')) ?? dirname(path)
  const remedy = caller === undefined ? 'run this as root' : openToReader(path, barrier)
  return failure(`log ${path}`, notReadableBy(account), remedy)
}

/** What check lines report of a log and an account. */
export const notReadableBy = ({ name }: SystemAccount): string =>
  `the account ${name} may not read it`

/** Returns the command that opens a log to root's reader, which has the group adm. */
export function openToReader(path: string, barrier: string): string {
  const place = shellWord(barrier)
  return `chgrp adm ${place} && chmod ${barrier === path ? 'g+r' : 'g+x'} ${place}`
}

/** Returns whether this account may not read a file, even if a directory hides it. */
function isClosed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return false
  } catch (error) {
    return errorCode(error) === 'EACCES'
  }
}
