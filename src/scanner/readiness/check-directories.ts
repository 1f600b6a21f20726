import { closeSync, existsSync, lstatSync, readdirSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type CheckLine, failure, marked, ok, warning } from '../../base/check/check-line.ts'
import { attempt, errorCode, errorText } from '../../base/errors/fault.ts'
import { roomIn } from '../../base/path/room.ts'
import { letsOthersReplace } from '../../base/path/untrusted-writer.ts'
import { needsFile } from '../../base/settings/table/scanners.ts'
import { editToBind, isUnderSystemd } from '../../base/systemd/bound-paths.ts'
import { shellWord } from '../../base/text/shell-word.ts'
import { formatMode, formatSize } from '../../base/text/units.ts'
import {
  openAnonymousFile,
  readSpoolSettings,
  type SpoolSettings,
} from '../../mail/message/spool.ts'
import { groupId, groupName, nameOrNumber, obstacle } from './host/account.ts'
import { accountText, type CheckedHost, inSettingsOf, scanSettingsOf } from './host/checked-host.ts'

const MIB = 1024 * 1024
/** Bytes: room for many large messages at a time. */
const ROOMY = 1024 * MIB
/** Bytes of a large message. */
const LARGE_MESSAGE = 64 * MIB
/**
 * The share of a file system that must be free if that is less than the largest message, as on a
 * small file system.
 */
const RESERVED_PART = 0.1
/** Bytes that are written to test whether a directory can be written to. */
const WRITTEN = 64 * 1024

/**
 * Checks the directories in which onescan stores data: QUARANTINE, LOGFILE, and those for messages that are
 * being scanned.
 */
export function checkDirectories(host: CheckedHost): CheckLine[] {
  return [...checkQuarantine(host), ...checkLogFile(host), ...checkSpool(host)]
}

/**
 * Checks the directory of QUARANTINE, which must belong to the program that keeps mail in it: onescand, if
 * onescanc uses it.
 */
function checkQuarantine(host: CheckedHost): CheckLine[] {
  const { env, account } = host
  const what = 'QUARANTINE'
  const directory = env.QUARANTINE
  if (!directory?.startsWith('/')) return [] // `hold`, or a value that another check reports
  const install = `install -d -m 700 -o ${account.name} ${shellWord(directory)}`
  const keepsNothing = (reason: string, remedy = install) => [
    failure(what, `${directory} ${reason}: infected mail is deferred`, remedy),
  ]
  try {
    const status = lstatSync(directory)
    const { uid, mode } = status
    if (!status.isDirectory())
      return keepsNothing('is not a directory', inSettingsOf(host, 'set QUARANTINE to a directory'))
    if ((mode & 0o077) !== 0) return keepsNothing(`has mode ${formatMode(mode)}`)
    if (uid === account.uid) {
      const closed = closedBelow(directory, uid)
      if (closed !== undefined)
        return keepsNothing(
          `has ${shellWord(closed)}, which is closed to ${account.name}`,
          `chmod -R u+rwX ${shellWord(directory)} && chown -R ${account.name} ${shellWord(directory)}`,
        )
      const written = ok(what, `${directory}, written by ${accountText(host)}`)
      return [written, ...checkFreeSpace(host, what, directory, 'infected mail')]
    }
    if (!host.asksOnescand) {
      return keepsNothing(
        `belongs to ${nameOrNumber(host.accounts, uid)}, and mail is scanned as ${account.name}`,
        `chown -R ${account.name} ${shellWord(directory)}`,
      )
    }
    const owner = nameOrNumber(host.accounts, uid)
    return [
      ok(
        what,
        `${directory} belongs to ${owner}: infected mail that onescan-queue itself finds is deferred`,
      ),
    ]
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      return keepsNothing(`cannot be inspected (${errorText(error)})`)
    }
    return keepsNothing('does not exist', install + thenBind(host, directory))
  }
}

/** Returns a directory of the quarantine that its account may not use, as after a restore by root or with another umask. */
function closedBelow(directory: string, uid: number, levels = 2): string | undefined {
  if (levels === 0) return undefined
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    const status = entry.isDirectory() ? attempt(() => lstatSync(path)) : undefined
    if (status === undefined) continue
    if (status.uid !== uid || (status.mode & 0o700) !== 0o700) return path
    const below = closedBelow(path, uid, levels - 1)
    if (below !== undefined) return below
  }
  return undefined
}

function checkLogFile(host: CheckedHost): CheckLine[] {
  const file = host.env.LOGFILE
  if (!file) return []
  const what = 'LOGFILE'
  const lost = (reason: string, remedy: string) => [
    warning(what, `${reason}: log lines are lost`, remedy),
  ]
  if (!file.startsWith('/')) {
    return lost(
      `${file} is relative, but callers run in different directories`,
      inSettingsOf(host, 'set LOGFILE to an absolute path'),
    )
  }
  try {
    const status = existsSync(file) ? statSync(file) : undefined
    const another = inSettingsOf(host, 'set LOGFILE to a file')
    if (status?.isDirectory()) return lost(`${file} is a directory`, another)
    if (status?.isCharacterDevice()) return lost(`${file} is a device`, another)
    const barrier =
      status === undefined
        ? obstacle(host.account, dirname(file), 'write', 'search')
        : obstacle(host.account, file, 'write')
    if (barrier === undefined) {
      const { free, newFiles } = roomIn(dirname(file))
      if (free >= MIB && (status !== undefined || newFiles > 0))
        return [ok(what, `${file}, written by ${accountText(host)}`)]
      return lost(`${dirname(file)} has no room for ${file}`, ROOM_REMEDY)
    }
    const value = `${file} cannot be written by ${accountText(host)}`
    const isNew = status === undefined && barrier === dirname(file)
    const remedy = isNew
      ? `install -m 640 -o ${host.account.name} /dev/null ${shellWord(file)}`
      : toLetWrite(host, file, barrier)
    return lost(value, remedy)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && isInUnit(host)) return [] // `paths` reports it (daemon/check-daemon-start.ts)
    return lost(errorText(error), `install -d -o ${host.account.name} ${shellWord(dirname(file))}`)
  }
}

function checkSpool(host: CheckedHost): CheckLine[] {
  const directory = attempt(() => readSpoolSettings(host.env))?.directory
  if (directory === undefined) return [] // another check reports the setting
  const shared = host.env.SPOOLDIR
  return [
    ...guarded(
      SPOOL,
      () => checkTemporary(host, directory),
      missing(SPOOL, toCreate(host, directory) + thenBind(host, directory)),
    ),
    ...(shared
      ? guarded('SPOOLDIR', () => checkShared(host, shared), sharedIsMissing(host, shared))
      : []),
  ]
}

type MissingLine = (reason: string) => CheckLine

function guarded(
  what: string,
  check: () => CheckLine | CheckLine[],
  findingAbout: MissingLine = missing(what),
): CheckLine[] {
  try {
    return [check()].flat()
  } catch (error) {
    return [findingAbout(errorText(error))]
  }
}

const SPOOL = 'spool (TMPDIR)'

function missing(what: string, remedy = 'create this directory'): MissingLine {
  return (reason) =>
    marked(
      failure(what, `${reason}: mail that needs a file there is deferred`, remedy),
      'nothing scans',
    )
}

const toCreate = ({ account }: CheckedHost, directory: string) =>
  `install -d -m 700 -o ${account.name} ${shellWord(directory)}`

/** Directories of all accounts of a host, which never belong to one. */
const OF_ALL = ['/tmp', '/var/tmp', '/dev/shm']

/** Returns the command that lets the account of the host write to a path, past what denies that. */
function toLetWrite({ account }: CheckedHost, path: string, barrier: string): string {
  if (OF_ALL.includes(barrier)) return `chmod 1777 ${barrier}`
  return barrier === path
    ? `chown ${account.name} ${shellWord(path)}`
    : `chmod a+x ${shellWord(barrier)}`
}

/** Returns the name of the group of clamd, by its packages, or `GROUP`. */
const groupOfClamd = ({ accounts }: CheckedHost) =>
  ['clamav', 'clamscan', 'virusgroup'].find((name) => groupId(accounts, name) !== undefined) ??
  'GROUP'

/** Returns whether this is an onescand in its unit, where only bound paths are visible. */
const isInUnit = ({ isDaemon }: CheckedHost) => isDaemon && isUnderSystemd()

/** Returns the further step that makes a new directory visible to the service. */
const thenBind = (host: CheckedHost, directory: string) =>
  isInUnit(host) ? `; then ${editToBind('onescand', directory, true)}` : ''

/** Returns what opens messages in SPOOLDIR by their path, as clamd and most built-in scanners never do. */
function usersOfShared(host: Pick<CheckedHost, 'env' | 'directories'>): readonly string[] {
  const line = scanSettingsOf(host)?.QHPSI
  if (line?.kind === 'command') return ['the command of QHPSI']
  return line?.kind === 'plugins' ? line.names.filter(needsFile) : []
}

/** Makes the check line about a SPOOLDIR that is missing. It is an error if a scanner uses it. */
function sharedIsMissing(host: CheckedHost, directory: string): MissingLine {
  const what = 'SPOOLDIR'
  const remedy = `install -d -m 3730 -o ${host.account.name} -g ${groupOfClamd(host)} ${shellWord(directory)}`
  const users = usersOfShared(host).join(', ')
  return (reason) => {
    if (users !== '')
      return failure(what, `${reason}, so ${users} receives no file, and mail is deferred`, remedy)
    return warning(
      what,
      `${reason}: no scanner in QHPSI uses it`,
      inSettingsOf(host, 'unset SPOOLDIR'),
    )
  }
}

function checkTemporary(host: CheckedHost, directory: string): CheckLine[] {
  const writable = writableBy(host, SPOOL, directory)
  return [writable, ...(writable.level === 'ok' ? checkFreeSpace(host, SPOOL, directory) : [])]
}

function checkShared(host: CheckedHost, directory: string): CheckLine[] {
  const what = 'SPOOLDIR'
  const status = statSync(directory)
  if (!status.isDirectory()) {
    return [
      failure(
        what,
        `${directory} is not a directory: mail is deferred`,
        inSettingsOf(host, 'set SPOOLDIR to a directory'),
      ),
    ]
  }
  const checkLines = [writableBy(host, what, directory), ...checkFreeSpace(host, what, directory)]
  const mode = formatMode(status.mode)
  if ((status.mode & 0o007) !== 0) {
    checkLines.push(
      warning(
        what,
        `${directory} has mode ${mode}: open to all users`,
        `chmod o-rwx ${shellWord(directory)}`,
      ),
    )
  }
  if (letsOthersReplace(status.mode)) {
    const value =
      `${directory} has mode ${mode}, without the sticky bit: it is not used, ` +
      'since other users could replace a file before it is scanned'
    checkLines.push(failure(what, value, `chmod +t ${shellWord(directory)}`))
  }
  if ((status.mode & 0o2000) === 0) {
    const value = `${directory} has mode ${mode}: files get the group of the process, not of the directory`
    const word = shellWord(directory)
    checkLines.push(
      warning(what, value, `chgrp ${groupOfClamd(host)} ${word} && chmod g+s ${word}`),
    )
  } else {
    checkLines.push(ok(what, `mode ${mode}, group ${groupName(host.accounts, status.gid)}`))
  }
  return checkLines
}

function writableBy(host: CheckedHost, what: string, directory: string): CheckLine {
  const barrier = obstacle(host.account, directory, 'write', 'search')
  if (barrier === undefined) return ok(what, `${directory}, written by ${accountText(host)}`)
  const value = `${directory} is not writable by ${accountText(host)}: mail is deferred`
  return failure(what, value, toLetWrite(host, directory, barrier))
}

/** `mail` is what is deferred without room. */
function checkFreeSpace(
  host: CheckedHost,
  what: string,
  directory: string,
  mail = 'mail',
): CheckLine[] {
  const { free, size, isTmpfs } = roomIn(directory)
  const fault = spaceFault(what, directory, LARGE_MESSAGE, mail)
  if (fault !== undefined) return [fault]
  if (isTmpfs && size < ROOMY) {
    const value = `${directory} is in memory (tmpfs) and has ${Math.floor(size / MIB)} MiB in total, which a few large messages fill`
    const name = what === SPOOL ? 'TMPDIR' : what
    return [warning(what, value, inSettingsOf(host, `set ${name} to a directory on a disk`))]
  }
  const room = `${Math.floor(free / MIB)} MiB free in ${directory}`
  return [free < ROOMY ? warning(what, room, ROOM_REMEDY) : ok(what, room)]
}

const ROOM_REMEDY = 'free space there, or use a larger file system'

/**
 * Returns the faults of the directories for messages if one has no room for a message of `maxSize` bytes.
 * Otherwise this would go unnoticed: small mail passes while large mail is deferred. SPOOLDIR counts if a scanner uses it.
 */
export function freeSpaceFaults(
  host: Pick<CheckedHost, 'env' | 'directories'>,
  { directory, sharedDirectory }: SpoolSettings,
  maxSize: number,
): CheckLine[] {
  const shared = usersOfShared(host).length > 0 ? sharedDirectory : undefined
  const spools = [[SPOOL, directory] as const, ['SPOOLDIR', shared] as const]
  return spools.flatMap(([what, place]) => {
    return place === undefined ? [] : guarded(what, () => spaceFault(what, place, maxSize) ?? [])
  })
}

/**
 * Returns the check line about a directory without room for a message of `bytes` bytes, or undefined. Throws if the
 * directory cannot be written to for another reason.
 */
function spaceFault(
  what: string,
  directory: string,
  bytes: number,
  mail = 'mail',
): CheckLine | undefined {
  const { free, size, newFiles } = roomIn(directory)
  const none = (value: string) => failure(what, `${directory}: ${value}`, ROOM_REMEDY)
  if (newFiles < 1000) return none(`it has room for only ${newFiles} more files`)
  if (free === 0 || !hasRoomToWrite(directory)) {
    const full = none(`it is full, and ${mail} is deferred`)
    return mail === 'mail' ? marked(full, 'nothing scans') : full
  }
  if (free >= Math.min(bytes, size * RESERVED_PART)) return undefined
  return none(
    `only ${formatSize(free)} are free, and a message may need ${formatSize(bytes)}: larger ${mail} is deferred`,
  )
}

function hasRoomToWrite(directory: string): boolean {
  try {
    const fd = openAnonymousFile(directory)
    try {
      return writeSync(fd, Buffer.alloc(WRITTEN)) === WRITTEN
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (['ENOSPC', 'EDQUOT'].includes(errorCode(error))) return false
    throw error
  }
}
