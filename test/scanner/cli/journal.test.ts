import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { example, readPage } from '../../documents/man-page.ts'
import { type JournalEntry, journalMissing, makeJournal } from '../../programs/host/journal.ts'
import {
  makeOwnDirectories,
  type OwnDirectories,
  ownDirectoriesMissing,
} from '../../programs/host/own-directories.ts'
import { atTerminal, quoted } from '../../programs/host/terminal.ts'
import { bundle, launcher, searchPath } from './onescan.ts'

/** `onescan log` without names of logs, on a host with systemd's journal, with and without files. */

const skip = ownDirectoriesMissing || journalMissing
const MACHINE = 'fedcba9876543210fedcba9876543210'
/** The account that reads logs, which is in the groups adm and systemd-journal for this. */
const READER = 54_326
const LOGS = ['journal', 'mail.log', 'maillog', 'onescand', 'qmail', 'smtpd']
const env = { ...process.env, PATH: searchPath, TZ: 'UTC', NO_COLOR: '1' }
const noon = Date.parse('2026-11-19T12:00:00Z')

/** An entry of the host mx1 at a time. */
const entry = (time: number, fields: Readonly<Record<string, string>>): JournalEntry => ({
  time,
  fields: { SYSLOG_FACILITY: '2', _HOSTNAME: 'mx1', PRIORITY: '6', ...fields },
})
/** An entry for a line on standard error of onescand's unit, about mail of Postfix. */
const ofUnit = (time: number, from: string, more = '', decision = 'accept') =>
  entry(time, {
    MESSAGE: `onescan: decision=${decision} scan=clean from=<${from}> to=<ben@example.org>${more} interface=milter`,
    _SYSTEMD_UNIT: 'onescand.service',
    SYSLOG_IDENTIFIER: 'onescand',
    _PID: '71',
  })
/** An entry for a line that the slot wrote to /dev/log. */
const ofSlot = (time: number, from: string) =>
  entry(time, {
    MESSAGE: `decision=accept scan=clean from=<${from}> to=<ben@example.org>`,
    SYSLOG_IDENTIFIER: 'onescan',
    _UID: '0',
  })
/** What a person may write by logger(1): with any name, of any facility. */
const byLogger = (SYSLOG_IDENTIFIER: string, uid: number) =>
  entry(noon, {
    MESSAGE: `onescan: decision=accept from=<forged-${uid}@example.org>`,
    SYSLOG_IDENTIFIER,
    _UID: `${uid}`,
  })
/** An entry that a client could make any other program write. */
const strangers = entry(noon, {
  MESSAGE: 'onescan: decision=accept from=<forged@example.org>',
  SYSLOG_FACILITY: '3',
  SYSLOG_IDENTIFIER: 'httpd',
})

function host(t: Test, entries: readonly JournalEntry[]): OwnDirectories {
  const own = makeOwnDirectories(t, {
    '/etc': ['machine-id', 'default', 'passwd'],
    '/var/log': LOGS,
    '/run': ['log'],
  })
  writeFileSync(own.at('/etc/machine-id'), `${MACHINE}\n`)
  const reader = `onescan-check:x:${READER}:${READER}::/:/bin/false\n`
  writeFileSync(own.at('/etc/passwd'), `${readFileSync('/etc/passwd', 'latin1')}${reader}`)
  makeJournal(own.at(`/var/log/journal/${MACHINE}/system.journal`), entries)
  // As Debian has it: only root and the group may read it.
  execFileSync('chgrp', ['-R', 'adm', own.at('/var/log/journal')])
  execFileSync('chmod', ['-R', 'o=,g=rX', own.at('/var/log/journal')])
  return own
}

/** Runs the command at a terminal. */
function type(own: OwnDirectories, ...words: string[]) {
  return atTerminal(quoted(own.around([process.execPath, bundle, 'log', ...words])), env)
}

t.test("the journal's lines of onescand and of the slot alone are read", { skip }, async (t) => {
  const own = host(t, [
    ofUnit(noon, 'ann@example.org'),
    strangers,
    byLogger('onescan', 1000),
    byLogger('mallory', 1000),
    byLogger('onescan', 65_534),
    byLogger('onescand', 12_345),
    ofSlot(noon + 1000, 'cid@example.org'),
  ])
  const { code, output } = type(own)
  t.match(output, /2026-11-19 12:00:00 mx1 accept .*ann@example\.org/)
  t.match(output, /2026-11-19 12:00:01 mx1 accept .*cid@example\.org/)
  t.notMatch(output, 'forged')
  t.equal(code, 0)
})

t.test('a long line comes whole, and only the asked span is read', { skip }, async (t) => {
  const long = ` reason="${'x'.repeat(3800)}" queue=Q1`
  const hour = 3_600_000
  const own = host(
    t,
    [0, 1, 2].map((n) => ofUnit(noon + n * hour, `ann${n}@example.org`, long)),
  )
  const words = ['--since', '2026-11-19 12:30', '--until', '2026-11-19 13:30', '--json']
  const { code, output } = type(own, ...words)
  t.equal(code, 0, output)
  const { results } = JSON.parse(output) as { results: Record<string, string>[] }
  t.match(results, [{ from: '<ann1@example.org>', queue: 'Q1', host: 'mx1' }])
  t.equal(results.length, 1)
})

t.test('files of multilog come before the journal; syslog replaces it', { skip }, async (t) => {
  const own = host(t, [ofUnit(noon + 2000, 'second@example.org')])
  mkdirSync(own.at('/var/log/smtpd'))
  const line = (seconds: number, from: string) =>
    `2026-11-19 12:00:0${seconds} onescan: decision=accept scan=clean from=<${from}>\n`
  writeFileSync(
    own.at('/var/log/smtpd/current'),
    line(1, 'first@example.org') + line(3, 'third@example.org'),
  )
  t.match(type(own).output, /first@.*third@.*second@/s)
  writeFileSync(
    own.at('/var/log/mail.log'),
    'Nov 19 12:00:02 mx1 onescand[71]: onescan: decision=accept from=<of-syslog@example.org>\n',
  )
  const { output } = type(own)
  t.match(output, 'of-syslog@example.org')
  t.notMatch(output, 'second@example.org')
  // A syslog that was removed has left its file.
  utimesSync(own.at('/var/log/mail.log'), 0, 0)
  t.match(type(own).output, 'second@example.org')
})

t.test(
  'the logs of this host are read without a terminal, as under ssh and cron',
  { skip },
  async (t) => {
    const own = host(t, [ofUnit(noon, 'ann@example.org')])
    const [program = '', ...words] = own.around([process.execPath, bundle, 'log'])
    for (const input of ['ignore', 'pipe'] as const) {
      const { stdout, stderr } = spawnSync(program, words, {
        env,
        encoding: 'utf8',
        stdio: [input, 'pipe', 'pipe'],
      })
      t.match(stdout, /2026-11-19 12:00:00 mx1 accept .*ann@example\.org/, `${input}: ${stderr}`)
    }
  },
)

t.test('journalctl follows the journal as documented in the manual', { skip }, async (t) => {
  const of = (n: number, decision: string) =>
    ofUnit(noon + n * 1000, `ann${n}@example.org`, '', decision)
  const own = host(t, [of(0, 'reject'), of(1, 'accept'), strangers])
  const script = example(readPage('onescan.1'), 'follow the journal')
  const [program, ...words] = own.around(['/bin/sh', '-c', script])
  const child = spawn(program!, words, {
    detached: true, // a group of its own, since each part of the pipe has to end
    env: { ...env, PATH: `${dirname(launcher)}:${searchPath}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => process.kill(-child.pid!, 'SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => (await lines.next()).value
  t.match(await next(), /2026-11-19 12:00:00 mx1 reject .*ann0@example\.org/)
  makeJournal(own.at(`/var/log/journal/${MACHINE}/system.journal`), [
    of(2, 'accept'),
    of(3, 'reject'),
  ])
  t.match(await next(), /mx1 reject .*ann3@example\.org/, 'what was written after its start')
})

t.test('without journalctl the command asks for the names of logs', { skip }, async (t) => {
  const own = host(t, [])
  const words = own.around(['/usr/bin/env', 'PATH=/nowhere', process.execPath, bundle, 'log'])
  const { code, output } = atTerminal(quoted(words), env)
  t.match(output, /journalctl.*specify the logs/)
  t.equal(code, 2, output)
})

t.test('root is not asked to run this as root on a host without a log', { skip }, async (t) => {
  const own = host(t, [])
  rmSync(own.at('/var/log/journal'), { recursive: true })
  const { code, output } = type(own)
  t.match(output, /found neither a journal nor any of .*; specify the log file/)
  t.notMatch(output, 'as root')
  t.equal(code, 2, output)
})

t.test('a log without messages hints where those of qmail are', { skip }, async (t) => {
  const own = host(t, [])
  mkdirSync(own.at('/var/log/onescand'))
  const current = own.at('/var/log/onescand/current')
  writeFileSync(current, '2026-11-19 12:00:01 onescan: started=onescand workers=2\n')
  const words = ['log', '/var/log/onescand', '--from', 'ann@example.org']
  const read = (QMAILHOME = '/nonexistent') =>
    atTerminal(quoted(own.around([process.execPath, bundle, ...words])), { ...env, QMAILHOME })
  const ofQmail = /only onescand writes .* \/var\/log\/qmail\/smtpd/
  t.match(read(t.testdir()), { code: 1, output: ofQmail })
  const { output } = read()
  t.match(output, 'onescand has logged no message here; run onescan check --mail')
  t.notMatch(output, 'qmail', 'which this host does not have')
  appendFileSync(current, '2026-11-19 12:00:02 onescan: decision=accept from=<b@example.org>\n')
  t.match(read(), { code: 1, output: '' })
})
