import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { lacks } from '../../needs.mjs'
import { newest, runSlot } from '../../scanner/doors/slot/slot.ts'
import { deliveries, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { keyLine } from '../cluster-mail.ts'
import { startServer } from '../host/server.ts'
import { TCPSERVER_READY, ucspiMissing } from '../servers/ucspi.ts'

/**
 * A null client's qmail-qmqpc and a server's qmail-qmqpd, as doc/cluster.md sets them up. Debian
 * has neither, so this runs only if the host has qmail. The client finds its server by
 * /var/qmail/control/qmqpservers, of which it sees another one in a namespace of its own.
 */

const CLIENT = '/var/qmail/bin/qmail-qmqpc'
const SERVER = '/var/qmail/bin/qmail-qmqpd'
const needsRoot = lacks('root')
const ADDRESS = '127.28.6.28'
const PORT = 628
const infected = bytes(`Subject: x\n\n${EICAR}\n`)

t.test('doc/cluster.md sets up the two programs that are tried here', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../doc/cluster.md'), 'utf8')
  const [, chapter = ''] = /^\*\*Null clients of qmail\*\*([\s\S]*?)\n\n/m.exec(page) ?? []
  t.match(chapter, `QUEUECHAIN=${CLIENT}`)
  t.match(chapter, basename(SERVER))
})

const isHere = existsSync(CLIENT) && existsSync(SERVER) && existsSync('/var/qmail/control')
if (isHere) t.test('QMQP', { skip: needsRoot || ucspiMissing }, tryBoth)

async function tryBoth(t: Test): Promise<void> {
  const directory = t.testdir({ control: { qmqpservers: `${ADDRESS}\n` } })
  const CLUSTERKEYS = buildStage(t).file('ring', keyLine('alpha'))
  const { path: MAILDIR, remove } = makeMaildir()
  t.teardown(remove)
  const LOGFILE = join(directory, 'log')
  const serverLog = () => readFileSync(LOGFILE, 'latin1')
  const slot = join(directory, 'slot')
  writeFileSync(slot, `#!/bin/sh\nexec ${newest.map((word) => `'${word}'`).join(' ')}\n`)
  chmodSync(slot, 0o755)

  const serve = async (settings: Readonly<Record<string, string>>) => {
    const words = ['tcpserver', '-v', '-H', '-R', '-l', '0', ADDRESS, String(PORT), SERVER]
    return startServer(words, TCPSERVER_READY, {
      env: {
        PATH: process.env.PATH,
        QMAILQUEUE: slot,
        QUEUECHAIN: standInQueue(),
        CONTROLDIR: '/nonexistent',
        MAILDIR,
        LOGFILE,
        ...settings,
      },
    })
  }
  const mount = `mount --bind '${directory}/control' /var/qmail/control && exec "$@"`
  const send = (message: Buffer, settings: Readonly<Record<string, string>>) =>
    runSlot({
      program: ['/usr/bin/unshare', '-m', 'sh', '-c', mount, 'sh', ...newest],
      message,
      settings: { QUEUECHAIN: CLIENT, MAILDIR: undefined, ...settings },
    })
  const scanning = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }

  t.test('mail of a null client is scanned at the server', async (t) => {
    const server = await serve(scanning)
    t.teardown(server.stop)
    const { code, logged } = await send(plain, {})
    t.equal(code, 0, logged)
    const [mail] = deliveries(MAILDIR)
    t.match(
      mail?.message.toString('latin1'),
      /^X-QHPSI: clean\nReceived: [^\n]*\n[^\n]* with QMQP; /,
    )
    t.equal(mail?.sender, 'a@example.org')
    t.same(mail?.recipients, ['b@example.org'])
    t.equal((await send(infected, {})).code, 31, 'and refused there')
    t.equal(deliveries(MAILDIR).length, 1)
  })

  t.test('the server trusts mail that the null client has scanned and stamped', async (t) => {
    const server = await serve({ ...scanning, CLUSTERKEYS })
    t.teardown(server.stop)
    const settings = { ...scanning, CLUSTERKEYS }
    const { code, logged } = await send(plain, settings)
    t.equal(code, 0, logged)
    t.match(logged, /scan=clean .*key=alpha/)
    t.match(serverLog(), /scan=trusted .*key=alpha/)
    t.equal(deliveries(MAILDIR).length, 2)
    t.equal((await send(infected, settings)).code, 31, 'a virus does not leave the client')
  })

  t.test('while the server is away or cannot scan, mail stays with the client', async (t) => {
    const before = deliveries(MAILDIR).length
    t.equal((await send(plain, {})).code, 73, 'connecting failed: qmail-qmqpc.c')
    const server = await serve({ ...scanning, QHPSI: '/nonexistent/scanner' })
    t.teardown(server.stop)
    t.equal((await send(plain, {})).code, 71)
    t.equal(deliveries(MAILDIR).length, before)
  })
}
