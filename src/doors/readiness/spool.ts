import { closeSync, statfsSync, statSync } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import { error, type Finding, marked, ok, shellWord, warning } from '../../ground/errors/finding.ts'
import { openAnonymousFile, readSpoolPolicy } from '../../mail/message/spool.ts'
import { groupName, obstacle } from './account.ts'
import { accountText, type StageHost, scanSettingsOf } from './stage.ts'

/** f_type of statfs(2). */
const TMPFS = 0x01021994
const MIB = 1024 * 1024
/** Bytes: room for many large messages at a time. */
const ROOMY = 1024 * MIB
/** Bytes: room for one large message. */
const LEAST = 64 * MIB
const PERMISSIONS = 0o7777

/** Checks the directories in which messages lie while they are scanned. */
export function checkSpool(host: StageHost): Finding[] {
  const directory = directoryOf(host)
  if (directory === undefined) return [] // another check reports the setting
  const shared = host.env.SPOOLDIR
  return [
    ...guarded('spool (TMPDIR)', () => checkTemporary(host, directory)),
    ...(shared ? guarded('SPOOLDIR', () => checkShared(host, shared), sharedIsMissing(host)) : []),
  ]
}

function directoryOf({ env }: StageHost): string | undefined {
  try {
    return readSpoolPolicy(env).directory
  } catch {
    return undefined
  }
}

type MissingFinding = (why: string) => Finding

function guarded(
  what: string,
  check: () => Finding[],
  missing: MissingFinding = (why) =>
    marked(error(what, why, 'make the directory; until then mail is deferred'), 'nothing scans'),
): Finding[] {
  try {
    return check()
  } catch (thrown) {
    return [missing(errorText(thrown))]
  }
}

/**
 * Makes the finding about a SPOOLDIR that is missing. It is an error if a scanner opens messages there
 * by their path, as clamd and most built-in scanners never do.
 */
function sharedIsMissing(host: StageHost): MissingFinding {
  const what = 'SPOOLDIR'
  const remedy = 'make it: install -d -m 3730, its owner the slot, its group that of the scanner'
  const line = scanSettingsOf(host)?.QHPSI
  const names = line?.kind === 'plugins' ? line.names : []
  const needs = names.filter((name) => !WITHOUT_PATH.includes(name))
  return (why) => {
    if (line?.kind === 'command' || needs.length > 0) {
      const who = line?.kind === 'command' ? 'the command of QHPSI' : needs.join(', ')
      return error(what, `${why}: ${who} gets no file, and mail is deferred`, remedy)
    }
    return warning(what, `${why}: nothing that QHPSI names uses it`, 'unset SPOOLDIR, or make it')
  }
}

const WITHOUT_PATH = ['clamd', 'attachments', 'eicar']

function checkTemporary(host: StageHost, directory: string): Finding[] {
  const what = 'spool (TMPDIR)'
  closeSync(openAnonymousFile(directory))
  return [writableBy(host, what, directory), ...checkRoom(what, directory)]
}

function checkShared(host: StageHost, directory: string): Finding[] {
  const what = 'SPOOLDIR'
  const status = statSync(directory)
  if (!status.isDirectory()) {
    return [
      error(
        what,
        `${directory} is not a directory`,
        'name a directory; until then mail is deferred',
      ),
    ]
  }
  const findings = [writableBy(host, what, directory), ...checkRoom(what, directory)]
  const mode = `0${(status.mode & PERMISSIONS).toString(8)}`
  if ((status.mode & 0o007) !== 0) {
    findings.push(
      warning(
        what,
        `${directory} has mode ${mode}: open to all`,
        `chmod o= ${shellWord(directory)}`,
      ),
    )
  }
  if ((status.mode & 0o022) !== 0 && (status.mode & 0o1000) === 0) {
    const value =
      `${directory} has mode ${mode}, without the sticky bit: it is not used, ` +
      'since others could have another file scanned in place of a message'
    findings.push(error(what, value, `chmod +t ${shellWord(directory)}`))
  }
  if ((status.mode & 0o2000) === 0) {
    const value = `${directory} has mode ${mode}: files get the group of the slot, not of the directory`
    findings.push(warning(what, value, 'chgrp it to the group of clamd, and chmod g+s it'))
  } else {
    findings.push(ok(what, `mode ${mode}, group ${groupName(host.accounts, status.gid)}`))
  }
  return findings
}

function writableBy(host: StageHost, what: string, directory: string): Finding {
  const barrier = obstacle(host.account, directory, 'write', 'search')
  if (barrier === undefined) return ok(what, `${directory}, written by ${accountText(host)}`)
  const value = `${directory} is not writable by ${accountText(host)}: mail is deferred`
  return error(what, value, `look at the owner, group and mode of ${barrier}`)
}

function checkRoom(what: string, directory: string): Finding[] {
  const { type, bsize, blocks, bavail, files, ffree } = statfsSync(directory)
  const free = bavail * bsize
  const size = blocks * bsize
  const room = `${Math.floor(free / MIB)} MiB free in ${directory}`
  const remedy = 'free some, or set it to a larger file system'
  if (free < LEAST) {
    const finding = error(what, `${room}: mail that does not fit is deferred`, remedy)
    return [free === 0 ? marked(finding, 'nothing scans') : finding]
  }
  if (files > 0 && ffree < 1000) return [error(what, `${ffree} files left in ${directory}`, remedy)]
  if (type === TMPFS && size < ROOMY) {
    const value = `${directory} is in memory (tmpfs) and has ${Math.floor(size / MIB)} MiB in all`
    return [warning(what, value, 'a few large messages fill it; use a disk')]
  }
  return [free < ROOMY ? warning(what, room, remedy) : ok(what, room)]
}
