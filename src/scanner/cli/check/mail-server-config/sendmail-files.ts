import { realpathSync, type Stats, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { letsOthersReplace } from '../../../../base/path/untrusted-writer.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { SENDMAIL } from '../../../protocol/smtp/sendmail-program.ts'
import { groupName, readAccounts } from '../../../readiness/host/account.ts'
import { changedAfter } from '../../host/changed-after.ts'
import { askSystemd, journalOfStart } from '../../host/systemd-unit.ts'
import { checkQueueRoom } from './queue-room.ts'

/** The bits of a program that runs with its group, and of a directory in which its group may create files: inode(7). */
const SETGID = 0o2000
const GROUP_USES = 0o070

/** The command that builds sendmail.cf from sendmail.mc, and makes Sendmail use it. */
export const BUILD = 'make -C /etc/mail && systemctl restart sendmail'

/** The configuration of Sendmail since 8.10, and of its program for local mail. */
export const SENDMAIL_CF = '/etc/mail/sendmail.cf'
const SUBMIT_CF = '/etc/mail/submit.cf'
/** Upper limit for the bytes read of one: Debian's has 67 KB. */
const CF_MAX = 1024 * 1024

/** Returns a configuration of Sendmail. Throws if it cannot be read. */
export const readCf = (path: string): string => readStart(path, CF_MAX).toString('latin1')

/**
 * Returns check lines about files that Sendmail has not read since they changed, or cannot use because of their modes, by its own
 * rules: sendmail/SECURITY. Throws if sendmail.cf cannot be read.
 */
export function checkSendmailFiles(
  path: string = SENDMAIL_CF,
  submission: string = SUBMIT_CF,
  program: string = SENDMAIL,
): CheckLine[] {
  const configuration = readCf(path)
  const local = attempt(() => readCf(submission)) ?? ''
  const ofQueues = checkQueues(configuration, local, program)
  // Without its queue Sendmail does not start.
  const ofStart = ofQueues.length > 0 ? [] : checkStart(path, configuration)
  return [...checkAge(path, configuration), ...ofStart, ...checkRoom(configuration), ...ofQueues]
}

/** Returns the first directory above a path in which others than the owner may replace files, so that Sendmail does not use the path. */
export function openDirectoryAbove(path: string): string | undefined {
  let at = attempt(() => realpathSync(dirname(path)))
  while (at !== undefined && !letsOthersReplace(statSync(at).mode))
    at = at === '/' ? undefined : dirname(at)
  return at
}

/** The value of an option of Sendmail, as in `O PidFile=/run/sendmail/mta/sendmail.pid`. */
const optionIn = (configuration: string, name: string): string | undefined =>
  configuration
    .split('\n')
    .map((line) => /^O +(\w+) *= *(\S+)/.exec(line))
    .find((option) => option?.[1] === name)?.[2]

const pidFileIn = (configuration: string) =>
  optionIn(configuration, 'PidFile') ?? '/run/sendmail.pid'

function checkAge(path: string, configuration: string): CheckLine[] {
  const source = path.replace(/\.cf$/, '.mc')
  if (changedAfter(source, path))
    return [warning('Sendmail', `${source} has changed since ${path} was built from it`, BUILD)]
  // It is written at each start, and when Sendmail reads its configuration again.
  if (!changedAfter(path, pidFileIn(configuration))) return []
  const value = `${path} has changed since Sendmail was started`
  return [warning('Sendmail', value, 'systemctl restart sendmail')]
}

/** What Sendmail logs about an error that ends it: a line of its configuration, or a file that it cannot use. */
const FATAL = /\bNOQUEUE: SYSERR\(root\): (.{1,300})/

/** Returns the check line that its daemon has ended, in its own words: systemd reports its script of System V as active. */
function checkStart(path: string, configuration: string): CheckLine[] {
  const open = openDirectoryAbove(path)
  const again = 'systemctl restart sendmail'
  const close = open === undefined ? undefined : `chmod go-w ${shellWord(open)} && ${again}`
  const pid = attempt(
    () => readStart(pidFileIn(configuration), 16).toString('latin1').split('\n')[0],
  )
  if (pid !== undefined && /^sendmail/.test(new ProcEntry(pid).status()?.name ?? '')) {
    const value = `runs, but cannot be started again: it reads no files below ${open}, to which others may write`
    return close === undefined ? [] : [warning('Sendmail', value, close)]
  }
  const unit = askSystemd('sendmail.service')
  const lines = unit?.active === 'active' ? journalOfStart(unit) : []
  const cause = lines.flatMap((line) => FATAL.exec(line)?.[1] ?? []).at(-1)
  if (cause === undefined) return []
  const value = `is not running: it logged ${JSON.stringify(cause)}`
  return [failure('Sendmail', value, close ?? `fix this error, then run ${again}`)]
}

/** Sendmail accepts no mail while its queue has fewer free blocks: MinFreeBlocks. */
function checkRoom(configuration: string): CheckLine[] {
  const setting = 'MinFreeBlocks'
  const queue = queueIn(configuration) ?? ''
  const blocks = Number(optionIn(configuration, setting) ?? 0)
  const bytes = blocks * (attempt(() => statfsSync(queue).bsize) ?? 0)
  const lower = `lower confMIN_FREE_BLOCKS in sendmail.mc, then run ${BUILD}`
  return checkQueueRoom('Sendmail', queue, [{ setting, bytes, lower }])
}

/**
 * The program for local mail writes its queue with the group that it is set to, that of RunAsUser. The daemon writes its own as
 * root, or as TrustedUser.
 */
function checkQueues(ofDaemon: string, ofLocal: string, name: string): CheckLine[] {
  const program = attempt(() => realpathSync(name))
  const [user = ''] = optionIn(ofLocal, 'RunAsUser')?.split(':') ?? []
  const account = passwdEntryOf(user)
  if (account === undefined || program === undefined) return []
  const { gid } = account
  const group = groupName(readAccounts(), gid)
  const trusted = passwdEntryOf(optionIn(ofDaemon, 'TrustedUser') ?? 'root')
  const checkLines: CheckLine[] = []
  const runsWith = (status: Stats) => status.gid === gid && (status.mode & SETGID) !== 0
  if (!isSo(program, runsWith)) {
    const value = `${program} does not run with the group ${group}: programs of this host cannot send mail`
    const word = shellWord(program)
    checkLines.push(failure('Sendmail', value, `chgrp ${group} ${word} && chmod 2755 ${word}`))
  }
  const client = queueIn(ofLocal)
  const mayUse = (status: Stats) => status.gid === gid && (status.mode & GROUP_USES) === GROUP_USES
  if (client !== undefined && !isSo(client, mayUse)) {
    const value = `the group ${group} cannot write to ${client}: programs of this host cannot send mail`
    checkLines.push(failure('Sendmail', value, makeQueue(client, user, group, '2770')))
  }
  const queue = queueIn(ofDaemon)
  const isOwn = ({ uid }: Stats) => uid === 0 || uid === trusted?.uid
  if (queue !== undefined && trusted !== undefined && !isSo(queue, isOwn)) {
    const value = `cannot write to its queue, since ${trusted.name} does not own ${queue}: no mail is accepted`
    const make = makeQueue(queue, trusted.name, group, '2750')
    checkLines.push(failure('Sendmail', value, `${make} && systemctl restart sendmail`))
  }
  return checkLines
}

/** The directory of a queue, or of several. */
const queueIn = (configuration: string) =>
  optionIn(configuration, 'QueueDirectory')?.replace(/\/[^/]*\*$/, '')

/** Returns whether a path exists and has this state. */
const isSo = (path: string, test: (status: Stats) => boolean): boolean => {
  const status = attempt(() => statSync(path))
  return status !== undefined && test(status)
}

const makeQueue = (path: string, owner: string, group: string, mode: string) =>
  `install -d -o ${owner} -g ${group} -m ${mode} ${shellWord(path)}`
