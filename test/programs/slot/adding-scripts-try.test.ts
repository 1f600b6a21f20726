import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { typedBy } from '../../packaging/host-ways.ts'
import {
  directoryOfOnescand,
  makeMachine,
  ONESCAN,
  putSocket,
} from '../../scanner/cli/check/machine.ts'
import { startService, tcpserver } from '../../scanner/cli/check/service.ts'
import { newest, startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { ownDirectoriesMissing } from '../host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../host/reachable.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'
import { envdirMissing, ucspiMissing } from '../servers/ucspi.ts'

/** The scripts that lead mail of qmail to onescan, on hosts whose service cannot run it as it is. */

const native = join(import.meta.dirname, '../../../build/native')
const skip =
  ownDirectoriesMissing ||
  clamdMissing ||
  ucspiMissing ||
  envdirMissing ||
  (!existsSync(join(native, 'onescanc')) && 'npm run build:native')

const NOFILES = 54_325
/** The command of doc/qmail.md that compiles rules. */
const tcprules = (cdb: string) => `(umask 022; tcprules ${cdb} /etc/tcp.smtp.tmp </etc/tcp.smtp)`
const LIFE_WITH_QMAIL = ['softlimit', '-m', '3000000']
const RULES = '127.:allow,RELAYCLIENT=""\n'

/** A machine with qmail, clamd and onescand, and a shell of root's there. */
async function qmailMachine(t: Test) {
  const machine = makeMachine(t)
  const { at, write, around } = machine
  const add = (file: string, line: string) =>
    write(file, `${readFileSync(at(file), 'latin1')}${line}\n`)
  add('/etc/group', `nofiles:x:${NOFILES}:`)
  add('/etc/passwd', `qmaild:x:${NOFILES}:${NOFILES}::/:/bin/false`)
  write('/var/qmail/bin/qmail-queue', readFileSync('/bin/false'))
  chmodSync(at('/var/qmail/bin/qmail-queue'), 0o4755)
  write('/etc/tcp.smtp', RULES)
  write('/etc/onescan/here', '')
  symlinkSync(reachable(join(native, 'onescanc')), at('/etc/onescan/queue'))
  const clamd = await startClamd(t, {
    alertExceedsMax: true,
    socket: join(openDirectory(t), 'clamd.ctl'),
  })
  chmodSync(clamd.socket, 0o666)
  const CLAMD = clamd.socket
  const place = directoryOfOnescand(t)
  putSocket(machine, `${place}/qmail.sock`)
  const as = ['setpriv', '--reuid=onescan', '--regid=onescan', '--clear-groups']
  await startOnescand(t, {
    program: around([...as, ...newest.map(reachable)]),
    socket: `${place}/qmail.sock`,
    args: ['--mode', '0660'],
    settings: { QHPSI: 'plugin: clamd', CLAMD, TMPDIR: place },
  })
  const programs = openDirectory(t)
  symlinkSync(reachable(join(native, 'onescan')), join(programs, 'onescan'))
  const type = (script: string) => {
    const [command = '', ...words] = around(['/bin/sh', '-c', `exec 2>&1\n${script}`])
    const env = { PATH: `${programs}:${reachablePath()}` }
    const { status, stdout } = spawnSync(command, words, { encoding: 'utf8', env })
    return { code: status, output: stdout }
  }
  type('tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp')
  /** Starts its SMTP service with this group, and returns the number of the process. */
  const serve = (group: number, limit: readonly string[], cwd = '/') => {
    const options = ['-u', `${NOFILES}`, '-g', `${group}`, '-x', '/etc/tcp.smtp.cdb']
    const env = { PATH: reachablePath(), CLAMD }
    return startService(t, around([...limit, ...tcpserver(...options)]), { env, cwd })
  }
  return { ...machine, CLAMD, type, serve, read: (path: string) => readFileSync(at(path), 'utf8') }
}

t.test('qmail-rules changes nothing while the service would defer mail', { skip }, async (t) => {
  const host = await qmailMachine(t)
  const script = (...words: readonly string[]) =>
    host.type(`set -- ${words.join(' ')}\n${example('qmail/qmail-rules')}`)
  const tight = await host.serve(NOFILES, LIFE_WITH_QMAIL)

  const unwatched = script()
  t.equal(unwatched.code, 1, unwatched.output)
  t.match(
    unwatched.output,
    `reads /etc/tcp.smtp.cdb, and was not tested: it is not supervised by root\n         fix: if it is a service of this host, test it: onescan check --pid ${tight} --rules `,
  )
  const deferred = script('--pid', tight)
  t.equal(deferred.code, 1, deferred.output)
  t.match(
    deferred.output,
    /^error +qmail, clean message.*: exits \d+ .*, with a limit of 3000000 bytes of memory: mail is deferred\n +fix: use "softlimit -a 4000000000" in the run script, without -m, and give the service the group of \/run\/onescan\/qmail\.sock: tcpserver -g "\$\(id -g onescan\)"/m,
    'what to do is complete',
  )
  t.match(deferred.output, /^qmail-rules: .*would defer mail.*; nothing was changed$/m)
  t.equal(host.read('/etc/tcp.smtp'), RULES)
  t.equal(
    host.type('TCPREMOTEIP=127.0.0.1 tcprulescheck /etc/tcp.smtp.cdb').output.includes('QMAIL'),
    false,
    'nor are the rules that count',
  )
  t.notMatch(host.type('ls /etc/tcp.smtp*').output, /tcp\.smtp\.\w{6}/)
  process.kill(Number(tight))

  const roomy = await host.serve(ONESCAN, ['softlimit', '-a', '4000000000'])
  const done = script('--pid', roomy)
  t.equal(done.code, 0, done.output)
  t.match(host.read('/etc/tcp.smtp'), /^:allow,QMAILQUEUE="\/etc\/onescan\/queue"/m)
})

t.test('rules lead from simscan to onescan and back, as typed by its page', { skip }, async (t) => {
  const host = await qmailMachine(t)
  const simscan = ':allow,QMAILQUEUE="/var/qmail/bin/simscan",NOP0FCHECK="1"\n'
  host.write('/etc/tcp.smtp', simscan)
  const compiled = tcprules('/etc/tcp.smtp.cdb')
  host.type(compiled)
  const inUse = () => host.type('TCPREMOTEIP=192.0.2.1 tcprulescheck /etc/tcp.smtp.cdb').output
  const service = await host.serve(ONESCAN, ['softlimit', '-a', '4000000000'])
  const script = `set -- --pid ${service}\n${example('qmail/qmail-rules')}`
  t.match(host.type(script), {
    code: 1,
    output: /^qmail-rules: these lines set another QMAILQUEUE/,
  })

  host.type(typedBy('doc/coming-from.md', 'tcp.smtp.simscan'))
  t.match(inUse(), '=/var/qmail/bin/simscan\n', 'mail that arrives meanwhile is scanned')
  t.match(host.type(script), { code: 0, output: /^qmail-rules: done/m })
  t.match(inUse(), 'QMAILQUEUE=/etc/onescan/queue\n')
  t.match(inUse(), 'NOP0FCHECK=1\n')

  host.type(`cp -p /etc/tcp.smtp.simscan /etc/tcp.smtp\n${compiled}`)
  t.match(inUse(), 'QMAILQUEUE=/var/qmail/bin/simscan\n')
  t.equal(host.read('/etc/tcp.smtp'), simscan)
})

t.test('make-envdir makes nothing while the service would defer mail', { skip }, async (t) => {
  const host = await qmailMachine(t)
  host.type('mkdir -p /etc/service/qmail-smtpd')
  const options = `-1 -H -R -l 0 -u ${NOFILES} -g ${NOFILES} 127.0.0.1 0`
  host.write(
    '/etc/service/qmail-smtpd/run',
    `#!/bin/sh\nexec ${LIFE_WITH_QMAIL.join(' ')} env CLAMD=${host.CLAMD} tcpserver ${options} /var/qmail/bin/qmail-smtpd\n`,
    0o755,
  )
  const [command = '', ...words] = host.around(['supervise', '/etc/service/qmail-smtpd'])
  const service = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(service, 'exit')
  await once(createInterface({ input: service.stdout }), 'line')
  const { code, output } = host.type(
    `set -- /etc/service/qmail-smtpd\n${example('qmail/make-envdir')}`,
  )
  t.equal(code, 1, output)
  t.match(
    output,
    /^error +qmail, clean message.*\n +fix: use "softlimit -a 4000000000" in the run script, /m,
  )
  t.match(
    output,
    /^make-envdir: .* would defer mail, or it could not be tested; nothing was changed$/m,
  )
  t.equal(host.type('ls /etc/service/qmail-smtpd/env').code, 2)
  host.type('svc -dx /etc/service/qmail-smtpd')
  await ended
})
