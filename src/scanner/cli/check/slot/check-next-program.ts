import { accessSync, constants, existsSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import {
  type CheckLine,
  failure,
  ok,
  settingsFault,
  warning,
} from '../../../../base/check/check-line.ts'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import {
  findNextProgram,
  requireNextProgram,
  type SlotNextProgram,
} from '../../../doors/slot/next-program.ts'
import { obstacle } from '../../../readiness/host/account.ts'
import { accountText } from '../../../readiness/host/checked-host.ts'
import { howToSet } from './client-rules.ts'
import type { Host } from './slot-hosts.ts'
import { slotProgramOf } from './slot-program.ts'

const SLOT = 'qmail-queue program'
/** The link to onescanc or onescan-queue that packages and setup make for QMAILQUEUE. */
const LINK = '/etc/onescan/queue'
const SET = `set QMAILQUEUE to ${LINK}`

/** Checks the qmail-queue program, and the next program, to which it passes the mail. */
export function checkPrograms(host: Host): CheckLine[] {
  return [...checkSlotProgram(host), ...checkLink(host), ...checkNextProgram(host)]
}

function checkSlotProgram(host: Host): CheckLine[] {
  const { env, program, clients } = host
  const named = env.QMAILQUEUE
  const wrong = (value: string, remedy = program === LINK ? toLink(LINK) : SET) => [
    failure(SLOT, value, remedy),
  ]
  if (named === undefined && slotProgramOf(host).kind !== 'own') {
    const [of, mail] = clients === undefined ? ['', 'mail'] : [' for these clients', 'their mail']
    const value = `QMAILQUEUE is not set${of}: ${mail} goes to qmail-queue unscanned`
    return wrong(value, howToSet(host))
  }
  if (named === '')
    return wrong('QMAILQUEUE is empty: qmail has no program to start, so mail is deferred')
  const missing = danglingLink(program)
  if (missing !== undefined)
    return wrong(
      `${program} is a link to ${missing}, which does not exist: mail is deferred`,
      toLink(program),
    )
  const relative =
    named === undefined || named.startsWith('/')
      ? undefined
      : `QMAILQUEUE ${named} is relative: qmail looks for it in ${host.directories.qmailHome}, where it runs`
  try {
    accessSync(realpathSync(program), constants.X_OK)
    const barrier = obstacle(host.account, program, 'execute')
    if (barrier !== undefined) return [barred(SLOT, program, barrier, host)]
  } catch (error) {
    return wrong(`${relative ? `${relative}: ` : ''}${errorText(error)}: mail is deferred`)
  }
  const checkLine = judgeProgram(host)
  if (relative === undefined) return [checkLine]
  const place = `${relative}; callers run in different directories`
  return [warning(SLOT, place, `set QMAILQUEUE to ${program}`), checkLine]
}

function judgeProgram(host: Host): CheckLine {
  const { env, program } = host
  const slot = slotProgramOf(host)
  switch (slot.kind) {
    case 'own': {
      const unset = env.QMAILQUEUE === undefined ? ' (QMAILQUEUE is not set here)' : ''
      return ok(SLOT, `${program}${unset}`)
    }
    case 'real-queue': {
      const target = attempt(() => readlinkSync(program))
      const is = target === undefined ? 'is qmail-queue' : `is a link to ${realpathSync(program)}`
      const remedy = target === undefined ? SET : toLink(program)
      return failure(SLOT, `${program} ${is}: mail is not scanned`, remedy)
    }
    case 'foreign': {
      const value = `${program} ${slot.reason}: no test message was sent through it, because it might deliver it`
      const remedy = `if ${program} calls onescan-queue, test that program: onescan check --env QMAILQUEUE=PROGRAM`
      return warning(SLOT, value, remedy)
    }
  }
}

/** Returns the command that makes a link to a program of onescan, as the package has it. */
const toLink = (link: string) => `ln -sfn /usr/lib/onescan/onescanc ${shellWord(link)}`

/** The target of a link that leads nowhere. */
const danglingLink = (path: string): string | undefined =>
  existsSync(path) ? undefined : attempt(() => resolve(dirname(path), readlinkSync(path)))

/**
 * Checks the link of the Debian package if no setting names the qmail-queue program yet: once QMAILQUEUE
 * names the link, mail uses it.
 */
function checkLink({ env }: Host): CheckLine[] {
  if (env.QMAILQUEUE !== undefined || !existsSync(LINK)) return []
  const queue = realpathSync(LINK)
  if (basename(queue) !== 'qmail-queue') return []
  const value = `is a link to ${queue}: mail through it is not scanned`
  return [failure(LINK, value, toLink(LINK))]
}

function checkNextProgram(host: Host): CheckLine[] {
  if (slotProgramOf(host).kind === 'real-queue') return [] // the real qmail-queue has no next program
  let next: SlotNextProgram
  try {
    next = findNextProgram([], host.env, host.directories)
    const { program } = next
    const barrier = existsSync(program) ? obstacle(host.account, program, 'execute') : undefined
    if (barrier !== undefined) return [barredNext(program, barrier, host)]
    // The check of the slot program has reported that it is missing.
    requireNextProgram(next, attempt(() => realpathSync(host.program)) ?? '/')
  } catch (error) {
    const { value, remedy } = settingsFault(errorText(error))
    return [
      failure('next program', `${value.replace(/^next program /, '')}: mail is deferred`, remedy),
    ]
  }
  const { program, args } = next
  const powerless = lacksSetuid(host, program)
  if (powerless !== undefined) return [powerless]
  return [ok('next program', [program, ...args].join(' '))]
}

/**
 * Returns a check line about a qmail-queue that cannot switch to qmailq, the user that writes to the queue;
 * INSTALL.ids of qmail.
 */
function lacksSetuid(host: Host, program: string): CheckLine | undefined {
  const path = realpathSync(program)
  const { mode, uid } = statSync(path)
  if (basename(path) !== 'qmail-queue' || (mode & 0o4000) !== 0) return undefined
  if (host.account.uid === 0 || host.account.uid === uid || isScript(path)) return undefined
  const value = `${path} lacks its setuid bit: it cannot write to the queue, so mail is deferred`
  return failure('next program', value, asInstalled(path))
}

/** Returns the command that gives qmail-queue what qmail's installation gives it. */
const asInstalled = (path: string) =>
  `chown qmailq:qmail ${shellWord(path)} && chmod 4711 ${shellWord(path)}`

function barredNext(program: string, barrier: string, host: Host): CheckLine {
  const checkLine = barred('next program', program, barrier, host)
  const isQueue = barrier === program && basename(program) === 'qmail-queue' && !isScript(program)
  return isQueue ? { ...checkLine, remedy: asInstalled(program) } : checkLine
}

/** Returns whether it is a script of the administrator: the bit has no effect on scripts; execve(2). */
const isScript = (path: string): boolean =>
  attempt(() => readStart(path, 2).toString('latin1')) === '#!'

function barred(what: string, program: string, barrier: string, host: Host): CheckLine {
  const value = `${accountText(host)} cannot execute ${program}: mail is deferred`
  return failure(what, value, `chmod a+x ${shellWord(barrier)}`)
}
