import { once } from 'node:events'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callSlot } from '../stand-in/smtpd/call-slot.ts'
import {
  deliveries,
  leftBehind,
  makeMaildir,
  recordedCalls,
  standInQueue,
} from '../stand-in/stand-in.ts'
import { nobody, qpsmtpdMissing, startQpsmtpd } from './qpsmtpd.ts'
import { openDirectory, reachable } from './reachable.ts'
import { sendBySmtp } from './swaks.ts'
import { envdirMissing, makeEnvdir, startTcpServer, ucspiMissing } from './ucspi.ts'

t.test(
  'tcprules and tcpserver set the environment by address',
  { skip: ucspiMissing },
  async (t) => {
    const directory = scratch(t)
    const server = await startTcpServer({
      directory,
      rules: '127.:allow,QHPSI="plugin: eicar",RELAYCLIENT=""\n:deny\n',
      program: ['/bin/sh', '-c', 'env | grep -E "^(QHPSI|RELAYCLIENT|TCPREMOTEIP)=" | sort'],
      environment: { PATH: process.env.PATH },
    })
    t.teardown(server.stop)
    t.equal(
      await readAll(server.port),
      'QHPSI=plugin: eicar\nRELAYCLIENT=\nTCPREMOTEIP=127.0.0.1\n',
    )
  },
)

t.test('tcprules that deny an address keep it out', { skip: ucspiMissing }, async (t) => {
  const server = await startTcpServer({
    directory: scratch(t),
    rules: '127.:deny\n',
    program: ['/bin/echo', 'hello'],
    environment: { PATH: process.env.PATH },
  })
  t.teardown(server.stop)
  t.equal(await readAll(server.port), '')
})

t.test('envdir hands a directory of variables to the slot', { skip: envdirMissing }, async (t) => {
  const directory = scratch(t)
  const { path: maildir, remove } = makeMaildir()
  t.teardown(remove)
  const record = join(directory, 'calls')
  const env = makeEnvdir(directory, { QHPSI: 'plugin: clamd eicar', STANDIN_RECORD: record })
  const outcome = await callSlot({
    program: ['/usr/bin/envdir', env, standInQueue()],
    message: Buffer.from('Subject: x\n\n'),
    envelope: Buffer.from('Fa\0Tb\0\0'),
    environment: { PATH: process.env.PATH, MAILDIR: maildir },
  })
  t.equal(outcome.code, 0, outcome.log.toString())
  t.equal(recordedCalls(record)[0]?.environment.QHPSI, 'plugin: clamd eicar')
})

t.test(
  'qpsmtpd delivers through a qmail-queue of our choice',
  { skip: qpsmtpdMissing },
  async (t) => {
    const { program, maildir } = forNobody(t)
    const server = await startQpsmtpd({
      program,
      environment: { ...process.env, MAILDIR: maildir },
    })
    t.teardown(server.stop)
    const { code, transcript } = await sendBySmtp({
      port: server.port,
      from: 'sender@example.net',
      to: 'one@example.org',
      message: 'Subject: by SMTP\n\nbody\n',
    })
    t.equal(code, 0, transcript)
    const [delivery, ...more] = deliveries(maildir)
    t.equal(more.length, 0)
    t.match(delivery?.message.toString(), /^Received: [\s\S]*\nSubject: by SMTP\n\nbody\n/)
    t.equal(delivery?.sender, 'sender@example.net')
    t.same(delivery?.recipients, ['one@example.org'])
  },
)

t.test(
  'qpsmtpd accepts nothing that its qmail-queue refused',
  { skip: qpsmtpdMissing },
  async (t) => {
    const { program, maildir } = forNobody(t)
    const server = await startQpsmtpd({
      program,
      environment: { ...process.env, MAILDIR: maildir, STANDIN_EXIT: '31' },
    })
    t.teardown(server.stop)
    const { code, transcript } = await sendBySmtp({
      port: server.port,
      from: 'sender@example.net',
      to: 'one@example.org',
      message: 'Subject: by SMTP\n\nbody\n',
    })
    t.not(code, 0)
    t.notMatch(transcript, /Queued!/)
    t.same(leftBehind(maildir), [])
    t.ok(readdirSync(maildir).includes('new'))
  },
)

/** The stand-in and a Maildir where the user nobody can use them, wherever the checkout is. */
function forNobody(t: Test): { program: string; maildir: string } {
  const program = reachable(standInQueue())
  const { path: maildir } = makeMaildir(openDirectory(t))
  const { uid, gid } = nobody()
  for (const part of ['', ...readdirSync(maildir)]) chownSync(join(maildir, part), uid, gid)
  return { program, maildir }
}

function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** What a server says to a client that says nothing. */
async function readAll(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  await once(socket, 'close')
  return Buffer.concat(pieces).toString()
}
