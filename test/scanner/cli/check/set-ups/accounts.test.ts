import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { complainsOnly, complaintAbout, linesOf } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../../../programs/host/reachable.ts'
import { type Clamd, clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { postfixMissing, startPostfix } from '../../../../programs/servers/postfix.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { until } from '../../../../run/until.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import { slotProgram } from '../../onescan.ts'
import {
  directoryOfOnescand,
  findingsByMail,
  findingsOn,
  type Machine,
  makeMachine,
  ONESCAN,
  putPostfix,
  putSocket,
} from '../machine.ts'
import { startService, tcpserver } from '../service.ts'

/**
 * Remedies about accounts, groups and services, carried out on a machine with an /etc of its own: check
 * reports that a process has to be restarted, and is content once it has been.
 */

const skip = ownDirectoriesMissing || clamdMissing || ucspiMissing
const onescanc = join(import.meta.dirname, '../../../../../build/native/onescanc')

const SCAN = 54_323
const KEEPERS = 54_324
const QMAILD = 54_325
const HMAC = `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`
/** The database of a test's clamd is not that of ClamAV. */
const UNDATED = /^warning clamd \S+( \[onescand\])?: answers, .*without a date: its signatures/

/** A machine with the groups that remedies name, and a clamd whose socket is for one of them. */
async function prepared(t: Test): Promise<{ machine: Machine; clamd: Clamd; host: Host }> {
  const machine = makeMachine(t)
  const add = (file: string, lines: string) =>
    machine.write(file, `${readFileSync(machine.at(file), 'latin1')}${lines}`)
  add('/etc/group', `scan:x:${SCAN}:\nonescan-keys:x:${KEEPERS}:\nnofiles:x:${QMAILD}:\n`)
  add('/etc/passwd', `qmaild:x:${QMAILD}:${QMAILD}::/:/bin/false\n`)
  machine.write('/var/qmail/bin/qmail-queue', readFileSync('/bin/false'))
  chmodSync(machine.at('/var/qmail/bin/qmail-queue'), 0o4755)
  const clamd = await startClamd(t, {
    alertExceedsMax: true,
    socket: join(openDirectory(t), 'clamd.ctl'),
  })
  close(clamd)
  return { machine, clamd, host: new Host(t, machine, clamd) }
}

/** As LocalSocketMode 660 and LocalSocketGroup do. */
function close({ socket }: Clamd): void {
  chownSync(socket, 0, SCAN)
  chmodSync(socket, 0o660)
}

function carryOut({ around }: Machine, command: string): string {
  const [program, ...words] = around(['/bin/sh', '-ec', command])
  return execFileSync(program!, words, { encoding: 'utf8' })
}

/** The onescand and the slot of a machine. */
class Host {
  readonly #test: Test
  readonly #machine: Machine
  readonly settings: Record<string, string>
  readonly milter: string
  readonly #place: string
  #daemon: Awaited<ReturnType<typeof startOnescand>> | undefined

  constructor(t: Test, machine: Machine, clamd: Clamd) {
    this.#test = t
    this.#machine = machine
    this.#place = directoryOfOnescand(t)
    this.milter = `${this.#place}/milter.sock`
    const basic = { QHPSI: 'plugin: clamd', REJECTVIRUS: '0' }
    this.settings = { ...basic, CLAMD: clamd.socket, CLAMDMAXSIZE: '200K' }
    putSocket(machine, `${this.#place}/qmail.sock`)
    putPostfix(machine, [
      `smtpd_milters = unix:${this.milter}`,
      'non_smtpd_milters = $smtpd_milters',
      'smtp_line_length_limit = 0',
    ])
  }

  /** Starts onescand, or starts it again, with its groups as its run script does. */
  async restart(): Promise<void> {
    this.#daemon?.kill()
    await this.#daemon?.ended
    const milter = `--milter unix:${this.milter} --mode 0666`
    const lines = Object.entries({ ...this.settings, ONESCAND_OPTIONS: milter })
    const text = lines.map(([name, value]) => `${name}="${value}"\n`).join('')
    this.#machine.write('/etc/default/onescand', text)
    const as = ['setpriv', '--reuid=onescan', '--regid=onescan', '--init-groups', '--no-new-privs']
    this.#daemon = await startOnescand(this.#test, {
      program: this.#machine.around([...as, ...newest.map(reachable)]),
      socket: `${this.#place}/qmail.sock`,
      args: milter.split(' '),
      settings: { ...this.settings, TMPDIR: this.#place },
    })
  }

  /** What check finds about onescand and Postfix. */
  async look(): Promise<CheckLine[]> {
    return (await findingsOn(this.#machine)).filter(({ what }) => !what.endsWith('[qmail]'))
  }

  /** What check finds about the slot of a service that tcpserver starts with this group. */
  async lookAtSlot(QMAILQUEUE: string, group = `${QMAILD}`): Promise<CheckLine[]> {
    const words = tcpserver('-u', `${QMAILD}`, '-g', group)
    const env = { ...this.settings, PATH: reachablePath(), QMAILQUEUE: reachable(QMAILQUEUE) }
    const pid = await startService(this.#test, this.#machine.around(words), { env })
    return findingsOn(this.#machine, '--pid', pid)
  }
}

t.test('onescand comes into the group of the socket of clamd', { skip }, async (t) => {
  const { machine, host } = await prepared(t)
  await host.restart()
  const before = await host.look()
  complainsOnly(t, before, [/^error clamd \S+ \[onescand\]: onescan \(onescan\) cannot/])
  const { remedy = '' } = complaintAbout(before, /^clamd/)!
  const [, command] =
    /^(usermod -aG scan onescan) && systemctl restart onescand$/.exec(remedy) ?? []
  t.ok(command, remedy)
  carryOut(machine, command!)
  complainsOnly(t, await host.look(), [
    /^warning onescand \d+: runs without the groups scan, although onescan belongs to them; restart onescand as /,
    /^error clamd \S+ \[onescand\]: onescan \(onescan\) cannot connect: .* && systemctl restart onescand$/,
  ])
  await host.restart()
  complainsOnly(t, await host.look(), [UNDATED])
})

t.test('no remedy restarts onescand while a setting is wrong', { skip }, async (t) => {
  const { machine, clamd, host } = await prepared(t)
  chmodSync(clamd.socket, 0o666)
  await host.restart()
  carryOut(machine, 'usermod -aG scan onescan')
  const file = machine.at('/etc/default/onescand')
  const before = readFileSync(file, 'latin1')
  const later = Date.now() / 1000 + 10
  const write = (text: string) => {
    writeFileSync(file, text)
    utimesSync(file, later, later)
  }
  const WITHOUT = '^warning onescand \\d+: runs without the groups scan, .*;'
  const MEND = 'first correct the settings above, with which onescand would not start again; then:'
  const RUNS = 'onescand runs with those of its start, and would not start again; correct this'
  for (const [wrong, fault] of [
    ['SCANTIMEOUT="soon"\n', 'SCANTIMEOUT="soon": .*'],
    ['ONESCAND_OPTIONS="--workers 0"\n', '--workers 0: .*'],
  ] as const) {
    write(before + wrong)
    const found = await host.look()
    const about = found.filter(({ value }) => !/has no effect|does not exist/.test(value))
    complainsOnly(t, about, [
      new RegExp(`^error settings: ${fault}: ${RUNS}`),
      new RegExp(`${WITHOUT} ${MEND} restart onescand as `),
      UNDATED,
    ])
  }
  write(before)
  const CHANGED =
    /^warning onescand: \/etc\/default\/onescand has changed since .*; restart onescand as /
  complainsOnly(t, await host.look(), [
    new RegExp(`${WITHOUT} restart onescand as `),
    CHANGED,
    UNDATED,
  ])
})

t.test('onescand may run with another primary group than its account has', { skip }, async (t) => {
  const { machine, clamd, host } = await prepared(t)
  chmodSync(clamd.socket, 0o666)
  carryOut(machine, 'usermod -g nofiles onescan')
  await host.restart()
  complainsOnly(t, await host.look(), [UNDATED])
})

t.test('onescand and the slot come into the group of the keyring', { skip }, async (t) => {
  const { machine, clamd, host } = await prepared(t)
  chmodSync(clamd.socket, 0o666)
  const ring = '/etc/onescan/keys/ring'
  machine.write(ring, HMAC, 0o600)
  host.settings.CLUSTERKEYS = ring
  await host.restart()
  const before = await host.look()
  complainsOnly(t, before, [UNDATED, /^error keyring \[onescand\]: \S+ is not readable by onescan/])
  const { remedy = '' } = complaintAbout(before, /^keyring/)!
  const [, command] =
    /^(usermod -aG onescan-keys onescan && .*) && systemctl restart onescand$/.exec(remedy) ?? []
  t.ok(command, remedy)
  carryOut(machine, command!)
  await host.restart()
  complainsOnly(t, await host.look(), [UNDATED])

  const ofSlot = complaintAbout(await host.lookAtSlot(slotProgram), /^keyring/)
  const [, give, group] =
    /^(chgrp .*), and run tcpserver with -g "(.*)"$/.exec(ofSlot?.remedy ?? '') ?? []
  t.ok(group, ofSlot?.remedy ?? 'it is readable')
  carryOut(machine, give!)
  const number = carryOut(machine, `echo "${group}"`).trim()
  complainsOnly(t, await host.lookAtSlot(slotProgram, number), [UNDATED])
})

t.test('a slot may use the socket of clamd once all may', { skip }, async (t) => {
  const { clamd, host } = await prepared(t)
  const before = await host.lookAtSlot(slotProgram)
  complainsOnly(t, before, [/^error clamd \S+: qmaild \(nofiles\) cannot connect: mail is/])
  const { remedy } = complaintAbout(before, /^clamd/)!
  t.match(remedy, /^set "LocalSocketMode 666" in its clamd\.conf, and restart clamd$/)
  const { socket } = clamd
  await clamd.stop()
  await startClamd(t, { alertExceedsMax: true, socket })
  complainsOnly(t, await host.lookAtSlot(slotProgram), [UNDATED])
})

t.test(
  'an access list lets a slot use the socket of clamd',
  { skip: skip || lacks('setfacl') },
  async (t) => {
    const { clamd, host } = await prepared(t)
    execFileSync('setfacl', ['-m', `u:${QMAILD}:rw`, clamd.socket])
    complainsOnly(t, await host.lookAtSlot(slotProgram), [UNDATED])
  },
)

t.test(
  'clamd is closed to a slot whose onescand cannot answer',
  { skip: skip || lacks('the client') },
  async (t) => {
    const { machine, clamd, host } = await prepared(t)
    carryOut(machine, 'usermod -aG scan onescan')
    await host.restart()
    const slot = () => host.lookAtSlot(onescanc)
    const before = await slot()
    complainsOnly(t, before, [
      /^warning clamd \S+: qmaild .* while onescand cannot .*; set "LocalSocketMode 666"/,
    ])
    t.match(linesOf(before).join('\n'), /^ok qmail, EICAR: is found/m)
    chmodSync(clamd.socket, 0o666)
    complainsOnly(t, await slot(), [/^ok clamd \S+: answers$/])
  },
)

t.test('clamd is started', { skip }, async (t) => {
  const { machine, clamd, host } = await prepared(t)
  carryOut(machine, 'usermod -aG scan onescan')
  const { socket } = clamd
  await clamd.stop()
  await host.restart()
  complainsOnly(t, await host.look(), [
    /^error clamd \S+ \[onescand\]: .*; (?:start clamd, or set CLAMD to the LocalSocket|set CLAMD="\S+", the address in clamd\.conf), /,
  ])
  await startClamd(t, { alertExceedsMax: true, socket })
  complainsOnly(t, await host.look(), [UNDATED])
})

t.test(
  'Postfix comes into the group of the milter',
  { skip: skip || postfixMissing },
  async (t) => {
    const { machine, clamd, host } = await prepared(t)
    chmodSync(clamd.socket, 0o666)
    const log = join(directoryOfOnescand(t), 'log')
    writeFileSync(log, '')
    chownSync(log, ONESCAN, ONESCAN)
    Object.assign(host.settings, { REJECTVIRUS: '1', LOGFILE: log })
    await host.restart()
    chownSync(host.milter, ONESCAN, SCAN)
    chmodSync(host.milter, 0o660)
    const smtpd_milters = `unix:${host.milter}`
    const main = { smtpd_milters, non_smtpd_milters: smtpd_milters }
    const smtpd = (port: number) => `${port} inet n - n - - smtpd`
    const around = machine.around([])
    const postfix = await startPostfix(t, 'nowhere', main, { smtpd, around })
    const directory = join(dirname(postfix.queue), 'etc')
    const look = () => findingsOn(machine, `--postfix=${directory}`)
    const answers = async () =>
      linesOf(await findingsByMail([{ port: postfix.port, security: 'none' }], [log]))
    const before = await look()
    const barred =
      /^error milter \S+: postfix may not connect to .*; (usermod -aG scan postfix) && postfix reload$/
    complainsOnly(t, before, [barred])
    t.match(await answers(), [
      /^error port \d+, clean mail: is not accepted, and no log has a line from onescan about it: 451 /,
    ])
    const [, command] = linesOf(before).flatMap((line) => barred.exec(line) ?? [])
    carryOut(machine, command!)
    complainsOnly(t, await look(), [])
    process.kill(postfix.pid, 'SIGHUP') // postfix reload
    // A process of before may take a connection yet.
    const isTaken = (lines: readonly string[]) => !lines.some((line) => /451/.test(line))
    t.match(await until(answers, 'Postfix connects to the milter', isTaken), [
      /^ok .*clean mail: is scanned by the milter/,
      /^ok .*EICAR: is refused by the milter/,
    ])
  },
)
