import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test as TapTest } from 'tap'
import type { CheckLine } from '../../../../src/base/check/check-line.ts'
import { checkByMail } from '../../../../src/scanner/cli/check/test-mail/check-by-mail.ts'
import type { SendingWay } from '../../../../src/scanner/cli/check/test-mail/send-mail.ts'
import { findLog, type LogFile } from '../../../../src/scanner/log/read-log.ts'
import { isOfTests } from '../../../check-lines.ts'
import { makeOwnDirectories, type OwnDirectories } from '../../../programs/host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../../programs/host/reachable.ts'
import { bundle, jsonIn } from '../onescan.ts'

/** A machine with an /etc of its own and an account onescan. */

/** The number of onescand's account, and of its group. */
export const ONESCAN = 54_321
export const QUOTAD = 54_322
/** The account that reads for root. */
export const READER: number = 54_327

export interface Machine extends OwnDirectories {
  write(path: string, text: string | Buffer, mode?: number): void
}

/** The part of tap's test object that these functions use. */
type Test = Parameters<typeof makeOwnDirectories>[0]

export function makeMachine(t: Test): Machine {
  const own = makeOwnDirectories(t, {
    '/etc': [
      ...['onescan', 'mail', 'postfix', 'default', 'systemd', 'service', '.pwd.lock'],
      // With what usermod(8) writes besides: it follows links.
      ...['passwd', 'group', 'shadow', 'gshadow'].flatMap((name) => [name, `${name}-`]),
    ],
    '/var': ['qmail', 'log'],
    '/run': ['onescan', 'systemd'],
    '/usr/libexec': ['sendmail'],
  })
  const write: Machine['write'] = (path, text, mode = 0o644) => {
    mkdirSync(dirname(own.at(path)), { recursive: true })
    writeFileSync(own.at(path), text, { mode })
  }
  const known = (file: string) =>
    readFileSync(file, 'latin1').replace(/^onescan(-quotad|-check)?:.*\n/gm, '')
  const accounts = [
    `onescan:x:${ONESCAN}`,
    `onescan-quotad:x:${QUOTAD}`,
    `onescan-check:x:${READER}`,
  ]
  const users = accounts.map((account) => `${account}:${account.split(':')[2]}::/:/bin/false\n`)
  write('/etc/passwd', `${known('/etc/passwd')}${users.join('')}`)
  write(
    '/etc/group',
    `${known('/etc/group')}${accounts.map((account) => `${account}:\n`).join('')}`,
  )
  return { ...own, write }
}

/** Puts the socket of an onescand where it is looked for. */
export function putSocket({ at }: Machine, socket: string): void {
  mkdirSync(at('/run/onescan'), { recursive: true })
  symlinkSync(socket, at('/run/onescan/qmail.sock'))
}

/** A directory of the account onescan, which every process sees by this path. */
export function directoryOfOnescand(t: Pick<TapTest, 'teardown'>): string {
  const directory = openDirectory(t)
  chownSync(directory, ONESCAN, ONESCAN)
  return directory
}

/** A Sendmail. Its configuration is not read. */
/** Its limits for the load average are above that of a machine that runs many tests. */
export function putSendmail({ write }: Machine): void {
  write('/etc/mail/sendmail.cf', 'V10/Berkeley\nO QueueLA=10000\nO RefuseLA=10000\n')
  write('/usr/libexec/sendmail/sendmail', '')
}

export function putPostfix({ write }: Machine, lines: readonly string[]): void {
  write('/etc/postfix/main.cf', ['compatibility_level = 3.6', ...lines, ''].join('\n'))
  write('/etc/postfix/master.cf', 'smtp inet n - n - - smtpd\n')
}

/** The compiled onescan if it is built: it starts in half of the processor time. */
const compiled = join(import.meta.dirname, '../../../../build/native/onescan')
const checker = existsSync(compiled)
  ? [reachable(compiled)]
  : [reachable(process.execPath), reachable(bundle)]

/** Runs `onescan check` on the machine. */
export async function checkOn({ around }: Machine, ...words: string[]): Promise<string> {
  const program = [...checker, 'check', ...words]
  const [command, ...rest] = around(program)
  const child = spawn(command!, rest, {
    env: { PATH: reachablePath() },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  await once(child, 'close')
  return out
}

/** Check lines about what runs on the machine of the tests. */
const isOfMachine = ({ value }: CheckLine) =>
  value === 'is not running: no mail is delivered' || value.startsWith('look like mail services') // the tcpserver of another test

/** The check lines about the machine that a set-up has made. */
export async function findingsOn(machine: Machine, ...words: string[]): Promise<CheckLine[]> {
  const { results } = jsonIn<CheckLine>(await checkOn(machine, '--json', ...words))
  return results.filter((checkLine) => !isOfTests(checkLine) && !isOfMachine(checkLine))
}

/** What check finds by these ways of mail, and in these logs. */
export async function findingsByMail(
  ways: readonly SendingWay[],
  logs: readonly (string | LogFile)[] = [],
  to = 'ann@example.org',
  more: { readonly readsSlots?: boolean } = {},
): Promise<CheckLine[]> {
  const checkLines: CheckLine[] = []
  const followed = logs.flatMap((log) => (typeof log === 'string' ? findLog(log) : log))
  for await (const checkLine of checkByMail(to, followed, { ways, ...more }))
    checkLines.push(checkLine)
  return checkLines
}

/** The set-ups with a line that none before them has. */
export function firstOfEachFinding<SetUp>(
  setUps: readonly SetUp[],
  linesFound: (setUp: SetUp) => readonly string[],
): SetUp[] {
  const seen = new Set<string>()
  return setUps.filter((setUp) => {
    const lines = linesFound(setUp)
    const isNew = lines.some((line) => !seen.has(line))
    for (const line of lines) seen.add(line)
    return isNew
  })
}
