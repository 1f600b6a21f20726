import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { example } from '../programs/example.ts'
import { freePort } from '../programs/host/free-port.ts'
import { startServer } from '../programs/host/server.ts'
import { clamdMissing, startClamd } from '../programs/servers/clamd.ts'
import {
  envdirMissing,
  startTcpServer,
  TCPSERVER_READY,
  ucspiMissing,
} from '../programs/servers/ucspi.ts'
import { launcher, newest } from '../scanner/doors/slot/slot.ts'
import { deliveries, makeMaildir, standInQueue } from '../stand-in/stand-in.ts'

/** The examples that the documents quote, run with real programs; only paths are changed. */

const infected = Buffer.concat([plain, bytes(`${EICAR}\n`)])
const refusal = '554 mail server permanently rejected message (#5.3.0)\n'

const thisProgram = { '/etc/onescan/queue': launcher }

/** Runs qmail-smtpd's stand-in on the runtime of the tests. */
function smtpd(directory: string): string {
  const path = join(directory, 'qmail-smtpd')
  const script = join(import.meta.dirname, 'smtpd.ts')
  writeFileSync(path, `#!/bin/sh\nexec '${newest[0]}' --no-warnings '${script}'\n`)
  chmodSync(path, 0o755)
  return path
}

t.test('the examples', { skip: clamdMissing || ucspiMissing || envdirMissing }, async (t) => {
  const clamd = await startClamd(t)

  /** What the host has and the examples do not state: where node, clamd and the queue are. */
  function host(t: Test) {
    const { path: MAILDIR, remove } = makeMaildir()
    t.teardown(remove)
    const environment = {
      PATH: `${join(newest[0]!, '..')}:${process.env.PATH}`,
      CLAMD: clamd.socket,
      QUEUECHAIN: standInQueue(),
      CONTROLDIR: '/nonexistent',
      MAILDIR,
    }
    return { environment, delivered: () => deliveries(MAILDIR) }
  }

  t.test('tcp.smtp: mail of others and of this host is scanned', async (t) => {
    const { environment, delivered } = host(t)
    const directory = t.testdir()
    const server = await startTcpServer({
      directory,
      rules: example('qmail/tcp.smtp', thisProgram),
      program: [smtpd(directory)],
      environment: { ...environment, QMAILQUEUE: standInQueue() },
    })
    t.teardown(server.stop)
    t.match(await exchange(server.port, '127.0.0.1', plain), /^250 ok /)
    t.equal(await exchange(server.port, '127.0.0.1', infected), refusal)
    const [scanned, ...more] = delivered()
    t.equal(scanned?.message.toString('latin1'), `X-QHPSI: clean\n${plain.toString('latin1')}`)
    t.equal(more.length, 0)
  })

  t.test(
    'tcp.smtp: this host and our own clients relay, and are scanned; others are',
    async (t) => {
      const cdb = join(t.testdir(), 'cdb')
      execFileSync('tcprules', [cdb, `${cdb}.tmp`], {
        input: example('qmail/tcp.smtp', thisProgram),
      })
      const relays = 'set environment variable RELAYCLIENT='
      const clients = { '127.0.0.1': [relays], '10.1.2.3': [relays], '192.0.2.1': [] }
      for (const [TCPREMOTEIP, more] of Object.entries(clients)) {
        const rule = execFileSync('tcprulescheck', [cdb], {
          env: { PATH: process.env.PATH, TCPREMOTEIP },
          encoding: 'utf8',
        })
        t.same(rule.trim().split('\n').slice(1), [
          ...more,
          `set environment variable QMAILQUEUE=${launcher}`,
          'set environment variable QHPSI=plugin: clamd',
          'set environment variable REJECTVIRUS=1',
          'allow connection',
        ])
      }
    },
  )

  t.test('make-envdir: a setting that is there stays', async (t) => {
    const service = t.testdir({ env: { QHPSI: 'plugin: mine\n' } })
    const env = join(service, 'env')
    const make = () =>
      spawnSync('/bin/sh', ['-c', example('qmail/make-envdir'), 'make-envdir', service], {
        encoding: 'utf8',
      })
    t.match(make(), {
      status: 1,
      stderr: `${service}/run: does not exist; run make-envdir with the directory`,
    })
    writeFileSync(join(service, 'run'), 'exec tcpserver')
    t.match(make(), {
      status: 1,
      stderr:
        /QHPSI: is "plugin: mine", not "plugin: clamd".*\n.* remove that file and run this again/,
    })
    t.same(readdirSync(env), ['QHPSI'], 'nothing was changed')
    writeFileSync(join(env, 'QHPSI'), 'plugin: clamd')
    t.match(make(), { status: 0, stderr: '', stdout: `put envdir ${env} in front of tcpserver` })
    t.same(readdirSync(env).sort(), ['QHPSI', 'QMAILQUEUE', 'REJECTVIRUS'])
    t.equal(readFileSync(join(env, 'QHPSI'), 'latin1'), 'plugin: clamd')
  })

  t.test('make-envdir and run: a service under supervise', async (t) => {
    const { environment, delivered } = host(t)
    const directory = t.testdir({ run: example('qmail/run') })
    const env = join(directory, 'env')
    const make = ['-c', example('qmail/make-envdir', thisProgram), 'make-envdir', directory]
    t.equal(
      execFileSync('/bin/sh', make, { encoding: 'utf8' }),
      `make-envdir: ${directory} is not running, so no test mail was sent\nmake-envdir: done; ${env} contains QMAILQUEUE, QHPSI and REJECTVIRUS\n`,
    )
    t.same(readdirSync(env).sort(), ['QHPSI', 'QMAILQUEUE', 'REJECTVIRUS'])

    const cdb = join(directory, 'tcp.smtp.cdb')
    execFileSync('tcprules', [cdb, `${cdb}.tmp`], { input: ':allow\n' })
    const port = await freePort()
    const run = example('qmail/run', {
      '/service/qmail-smtpd/env': env,
      '/etc/tcp.smtp.cdb': cdb,
      'id -u qmaild': 'echo 0', // who cannot change users stays who he is
      'id -g onescan': 'echo 0',
      ' 0 25 ': ` 127.0.0.1 ${port} `,
      '/var/qmail/bin/qmail-smtpd': smtpd(directory),
      'exec 2>&1': '', // its log is read on stderr here
    })
    const command = ['/bin/sh', '-c', run]
    const server = await startServer(command, TCPSERVER_READY, { env: environment })
    t.teardown(server.stop)
    t.match(await exchange(port, '127.0.0.1', plain), /^250 ok /)
    t.equal(await exchange(port, '127.0.0.1', infected), refusal)
    t.same(
      delivered().map(({ message }) => message.toString('latin1')),
      [`X-QHPSI: clean\n${plain.toString('latin1')}`],
    )
  })

  t.test('send-by-pipe: for any program', async (t) => {
    const { environment, delivered } = host(t)
    const directory = t.testdir()
    mkdirSync(join(directory, 'tmp'))
    const script = join(directory, 'send-by-pipe')
    writeFileSync(script, example('qmail/send-by-pipe', thisProgram), { mode: 0o755 })
    const send = (input: Buffer) =>
      spawnSync(script, ['ann@example.org', 'ben@example.org'], {
        input,
        env: { ...environment, TMPDIR: join(directory, 'tmp') },
      })
    const { status, stderr } = send(plain)
    t.equal(status, 0, stderr.toString())
    t.equal(send(infected).status, 31)
    t.same(
      delivered().map(({ sender, recipients }) => ({ sender, recipients })),
      [{ sender: 'ann@example.org', recipients: ['ben@example.org'] }],
    )
    t.same(readdirSync(join(directory, 'tmp')), [])
  })
})

/** What the server answers to a client at this address of the loopback that sends `message`. */
function exchange(port: number, localAddress: string, message: Buffer): Promise<string> {
  const connection = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
  connection.end(message)
  return textOf(connection)
}
