import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { compileRules, ucspiMissing } from '../../programs/servers/ucspi.ts'
import { until } from '../../run/until.ts'
import { runtimes } from '../rig.ts'
import { connect, speak } from './rig.ts'

/** The systemd units of packaging/shipped/examples/qmail: they are valid, and their command takes the socket. */

const examples = join(import.meta.dirname, '../../../packaging/shipped/examples/qmail')
const service = readFileSync(join(examples, 'smtp-delay.service'), 'utf8')
const skip = ucspiMissing || lacks('systemd-socket-activate', 'envdir')

t.test('systemd finds no fault in the units', { skip }, async (t) => {
  const directory = t.testdir({
    'smtp-delay.service': service.replace('/usr/sbin/smtp-delay', '/bin/true'),
    'smtp-delay.socket': readFileSync(join(examples, 'smtp-delay.socket'), 'utf8'),
  })
  const words = ['verify', '--man=no', '--recursive-errors=no']
  const units = ['smtp-delay.service', 'smtp-delay.socket'].map((name) => join(directory, name))
  execFileSync('systemd-analyze', [...words, ...units], { stdio: 'pipe' })
  t.pass('it exits 0')
})

t.test('the command of the service takes the socket from systemd', { skip }, async (t) => {
  const directory = openDirectory(t)
  const behind = join(directory, 'smtpd')
  writeFileSync(
    behind,
    `#!/bin/sh
printf '220 hello\\r\\n'; while read -r line; do printf '250 ok\\r\\n'; case $line in QUIT*) env >${directory}/env; exit 0 ;; esac; done
`,
    { mode: 0o755 },
  )
  const [, line = ''] = /^ExecStart=(.*)$/m.exec(service) ?? []
  const [, envdir = ''] = /begin ExecStart= with "(.*)"/.exec(service) ?? []
  const settings = join(directory, 'settings')
  mkdirSync(settings)
  writeFileSync(join(settings, 'QMAILQUEUE'), '/etc/onescan/queue\n')
  const places: Record<string, string> = {
    '/usr/bin/envdir': 'envdir',
    '/service/qmail-smtpd/env': settings,
    '/usr/sbin/smtp-delay': runtimes.at(-1)!.smtpDelay.join(' '),
    '/etc/tcp.smtp.cdb': compileRules(directory, ':allow\n'),
    '-d 1 -D 10 -N 20': '-d .1 -D .1 -N .1 --dns 127.0.0.1:9 --dns-timeout .05',
    '/var/qmail/bin/qmail-smtpd': behind,
  }
  const command = Object.entries(places).reduce((text, [from, to]) => {
    t.ok(text.includes(from), `it has ${from}`)
    return text.replace(from, to)
  }, envdir + line)
  const port = await freePort()
  const words = ['-l', `127.0.0.1:${port}`, ...command.split(' ')]
  const child = spawn('systemd-socket-activate', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  t.teardown(() => void child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', (bytes) => {
    log += bytes
  })
  await until(() => log.includes('Listening on'), 'systemd listens')
  t.match(await speak(port), /^220 hello/, 'who connects first is served')
  await speak(port)
  t.match(log, /event=passed .* reason=remembered/)
  const variables = readFileSync(join(directory, 'env'), 'utf8')
  t.notMatch(variables, /^LISTEN_/m)
  t.match(variables, /^QMAILQUEUE=\/etc\/onescan\/queue$/m, 'by the envdir of the comment')
  const early = await connect(port, { from: '127.0.0.2', early: 'QUIT\r\n' })
  t.match(await early.over, /^220 smtp-delay\.local\r\n221 /)
  child.kill('SIGTERM')
  await ended
})
