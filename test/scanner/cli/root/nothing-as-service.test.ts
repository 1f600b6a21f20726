import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../programs/host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../../programs/host/reachable.ts'
import { newest, startOnescand } from '../../daemon/process.ts'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import {
  directoryOfOnescand,
  makeMachine,
  ONESCAN,
  putPostfix,
  putSocket,
  QUOTAD,
  READER,
} from '../check/machine.ts'
import { bundle } from '../onescan.ts'

/** Nothing that root's commands start ever has the account of a service. */

const skip = lacks('root') || ownDirectoriesMissing || lacks('strace')

/** The users and groups that a process and its children became: setresuid(2) and its like. */
function accountsOf(trace: string): Set<number> {
  const calls = trace.matchAll(/\bset(?:re|res|fs)?[ug]id(?:32)?\(([^)]*)\)/g)
  const numbers = [...calls].flatMap(([, list]) => list!.split(/, ?/).map(Number))
  return new Set(numbers.filter((number) => number >= 0))
}

/** The supplementary groups of a trace. */
function groupsOf(trace: string): Set<number> {
  const groups = trace.matchAll(/\bsetgroups(?:32)?\(\d+, \[([^\]]*)\]/g)
  return new Set([...groups].flatMap(([, list]) => list!.split(/, ?/).map(Number)))
}

/** The commands for which the one that reads has the group of onescand: the log is readable to that. */
const LOG = /^(?:log|report)\b/

/** The commands that start nothing as another account; all others do as the one that reads: doc/development/rules-for-root.md. */
const ALONE = /^(check --daemon|quarantine (list|show|delete))\b/

// promise: root-runs-nothing
t.test('no command of root becomes the account of a service', { skip }, async (t) => {
  const machine = makeMachine(t)
  const place = directoryOfOnescand(t)
  const quarantine = makeQuarantine(t)
  const id = await keepOne(quarantine, Date.now(), { text: 'Subject: x\n\nVIRUS\n' })
  spawnSync('chown', ['-R', `${ONESCAN}:${ONESCAN}`, quarantine])
  const { socket } = await startOnescand(t, {
    program: newest.map(reachable),
    args: ['--milter', `unix:${join(place, 'milter.sock')}`, '--mode', '0666'],
    settings: { QHPSI: 'plugin: eicar', QUARANTINE: quarantine },
    uid: ONESCAN,
  })
  chmodSync(dirname(socket), 0o755)
  putSocket(machine, socket)
  putPostfix(machine, [`smtpd_milters = unix:${join(place, 'milter.sock')}`])
  machine.write('/var/qmail/control/me', 'mail.example.org\n')
  machine.write('/etc/service/onescan-quotad/run', '')
  const mail = 'Subject: x\n\nbody\n'
  const commands: readonly (readonly [words: readonly string[], output: RegExp])[] = [
    [['check'], /^reported by the account onescan:$/m],
    [['check', '--daemon'], /finds EICAR/],
    [['quarantine', 'list'], new RegExp(id)],
    [['quarantine', 'show', id], /VIRUS/],
    [['quarantine', 'release', '--no-stamp', '--by', 'chain', '--env', 'QUEUECHAIN=/bin/true', id], /sent by/], // biome-ignore format: a line
    [['quarantine', 'delete', id], /deleted/],
    [['scan', '--env', 'QHPSI=plugin: eicar', '-'], /1 clean/],
    [['verify', '-'], /./],
    [['log', '-'], /^$/],
    [['report', '-'], /./],
    [['quota', 'ann'], /./],
    [['policy', 'test', 'a@example.org', 'b@example.org'], /./],
    [['inject', '-', '--from', 'a@example.org', '--to', 'b@example.org', '--dry-run'], /./],
  ]
  const traceFile = join(openDirectory(t), 'trace')
  for (const [words, output] of commands) {
    const tracer = ['strace', '-f', '-qq', '-e', 'trace=/^set(re|res|fs)?[ug]id,setgroups', '-o']
    const [program, ...all] = machine.around([
      ...[...tracer, traceFile],
      ...[process.execPath, bundle].map(reachable),
      ...words,
    ])
    const env = { PATH: reachablePath() }
    const { stdout, stderr } = spawnSync(program!, all, { input: mail, encoding: 'utf8', env })
    t.match(`${stdout}${stderr}`, output, words.join(' '))
    const trace = readFileSync(traceFile, 'latin1')
    const became = accountsOf(trace)
    const groups = groupsOf(trace)
    t.equal(groups.has(ONESCAN), LOG.test(words.join(' ')), `${words.join(' ')}: ${[...groups]}`)
    for (const service of [ONESCAN, QUOTAD]) {
      t.notOk(became.has(service), `${words.join(' ')}: ${[...became]}`)
    }
    t.equal(became.has(READER), !ALONE.test(words.join(' ')), words.join(' '))
  }
})

// promise: root-runs-nothing
t.test('no process of a service has itself tried as a slot, by another name', { skip }, (t) => {
  const machine = makeMachine(t)
  const place = openDirectory(t)
  // Anyone who holds onescand can give its process any name and words.
  const smtpd = `setpriv --reuid=${ONESCAN} --regid=${ONESCAN} --clear-groups ${place}/tcpserver 0 25 qmail-smtpd`
  const program = (name: string, text: string) =>
    writeFileSync(join(place, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  program('supervise', `${smtpd} &\nwait`)
  program('tcpserver', `echo >${place}/up\nread -r end <${place}/down`)
  const script = `mkfifo -m 666 "$0/up" "$0/down"; "$0/supervise" & read -r up <"$0/up"; "$@"; echo >"$0/down"; wait`
  const traceFile = join(place, 'trace')
  const [first, ...all] = machine.around([
    ...['sh', '-c', script, place],
    ...['strace', '-f', '-qq', '-e', 'trace=/^set(re|res|fs)?[ug]id,setgroups', '-o', traceFile],
    ...[process.execPath, bundle].map(reachable),
    'check',
  ])
  const { stdout } = spawnSync(first!, all, { encoding: 'utf8', env: { PATH: reachablePath() } })
  t.match(stdout, /process \d+: runs qmail-smtpd as onescan: nothing was tested/)
  const trace = readFileSync(traceFile, 'latin1')
  t.notOk(accountsOf(trace).has(ONESCAN) || groupsOf(trace).has(ONESCAN))
  t.end()
})
