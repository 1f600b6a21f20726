import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { newest, runSlot, runtimes } from '../../scanner/doors/slot/slot.ts'
import { deliveries, leftBehind, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { openDirectory, reachable } from '../host/reachable.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'
import { nobody, qpsmtpdMissing, startQpsmtpd } from '../servers/qpsmtpd.ts'
import { sendBySmtp } from '../servers/swaks.ts'
import { envdirMissing, makeEnvdir, startTcpServer, ucspiMissing } from '../servers/ucspi.ts'

/** The slot between real programs: the scanners behind it and the callers before it. */

const infected = Buffer.concat([plain, bytes(`${EICAR}\n`)])
const plugin = { QHPSI: 'plugin: clamd' }

t.test('with clamd', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { streamMaxLength: '3M', maxFileSize: '3M', maxScanSize: '3M' })
  const CLAMD = clamd.socket

  // promise: rule-8-not-clean
  t.test('clamd that is killed defers mail, and scans again when it is back', async (t) => {
    const mortal = await startClamd(t)
    const settings = { ...plugin, CLAMD: mortal.socket }
    t.equal((await runSlot({ settings })).code, 0)
    await mortal.stop()
    const run = await runSlot({ settings })
    t.equal(run.code, 71)
    t.match(
      run.logged,
      /decision=defer scan=unknown grounds=unscanned cause=unreachable reason="clamd/,
    )
    const other = await runSlot({ settings: { ...plugin, CLAMD: `${mortal.socket} ${CLAMD}` } })
    t.equal(other.code, 0, 'another address is tried')
  })
})

t.test('a tcp.smtp rule sets the scanner by address', { skip: ucspiMissing }, async (t) => {
  const directory = t.testdir({ envelope: 'Fa@example.org\0Tb@example.org\0\0' })
  const { path: MAILDIR, remove } = makeMaildir()
  t.teardown(remove)
  const slot = newest.map((word) => `'${word}'`).join(' ')
  const server = await startTcpServer({
    directory,
    rules: '127.:allow,QHPSI="plugin: eicar",REJECTVIRUS="1"\n:deny\n',
    program: ['/bin/sh', '-c', `exec 3>&1; ${slot} 1<'${directory}/envelope'; echo "code $?" >&3`],
    environment: {
      PATH: process.env.PATH,
      MAILDIR,
      QUEUECHAIN: standInQueue(),
      CONTROLDIR: '/nonexistent',
    },
  })
  t.teardown(server.stop)
  t.equal(await exchange(server.port, plain), 'code 0\n')
  t.equal(await exchange(server.port, infected), 'code 31\n')
  t.match(deliveries(MAILDIR)[0]?.message.toString('latin1'), /^X-QHPSI: clean\n/)
})

t.test('an envdir sets the scanner for a service', { skip: envdirMissing }, async (t) => {
  const env = makeEnvdir(t.testdir(), { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' })
  const program = ['/usr/bin/envdir', env, ...newest]
  const clean = await runSlot({ program, message: plain })
  t.match(clean.text, /^X-QHPSI: clean\n/)
  t.equal((await runSlot({ program, message: infected })).code, 31)
})

t.test('over SMTP through qpsmtpd', { skip: qpsmtpdMissing || clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const { program, MAILDIR, TMPDIR, queue } = forNobody(t)
  const server = await startQpsmtpd(t, {
    program,
    environment: {
      ...process.env,
      ...plugin,
      CLAMD: clamd.socket,
      MAILDIR,
      TMPDIR,
      QUEUECHAIN: queue,
      CONTROLDIR: '/nonexistent',
      REJECTVIRUS: '1',
    },
  })
  const send = (body: string) =>
    sendBySmtp({
      port: server.port,
      from: 'sender@example.net',
      to: 'one@example.org',
      message: `Subject: by SMTP\n\n${body}\n`,
    })

  const clean = await send('hello')
  t.equal(clean.code, 0, clean.transcript)
  const [delivery] = deliveries(MAILDIR)
  t.match(delivery?.message.toString(), /^X-QHPSI: clean\nReceived: [\s\S]*\n\nhello\n/)
  t.same(delivery?.recipients, ['one@example.org'])

  const before = leftBehind(MAILDIR)
  const refused = await send(EICAR)
  t.not(refused.code, 0)
  t.match(
    refused.transcript,
    /^<\*\* 451 /m,
    'it knows no refusal for good: doc/qmail.md has what to set',
  )
  t.notMatch(refused.transcript, /Queued!/)
  t.same(leftBehind(MAILDIR), before)

  await clamd.stop()
  const deferred = await send('hello again')
  t.not(deferred.code, 0, 'without clamd nothing is accepted')
  t.same(leftBehind(MAILDIR), before)
})

// Only where the host has qmail: there is no package that a test could install.
const realQueue = '/var/qmail/bin/qmail-queue'
if (existsSync(realQueue)) {
  t.test('the real qmail-queue takes the mail that onescan-queue passes on', async (t) => {
    for (const { program } of runtimes) {
      const settings = { QHPSI: 'plugin: eicar', QUEUECHAIN: undefined, MAILDIR: undefined }
      const run = await runSlot({ program, message: plain, settings })
      t.equal(run.code, 0, run.logged)
    }
  })
}

/** What a server sends until it closes, once it has `message` and our end of it. */
function exchange(port: number, message: Buffer): Promise<string> {
  const connection = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  connection.end(message)
  return textOf(connection)
}

/** The slot, a queue behind it and their directories where the user nobody can reach them. */
function forNobody(t: Test) {
  const directory = openDirectory(t)
  const program = join(directory, 'slot')
  writeFileSync(program, `#!/bin/sh\nexec ${newest.map(reachable).join(' ')} "$@"\n`)
  chmodSync(program, 0o755)
  const queue = reachable(standInQueue())
  const { path: MAILDIR } = makeMaildir(directory)
  const TMPDIR = join(directory, 'tmp')
  mkdirSync(TMPDIR)
  const { uid, gid } = nobody()
  chownSync(TMPDIR, uid, gid)
  for (const part of ['', 'tmp', 'new', 'cur', 'envelopes'])
    chownSync(join(MAILDIR, part), uid, gid)
  return { program, MAILDIR, TMPDIR, queue }
}
