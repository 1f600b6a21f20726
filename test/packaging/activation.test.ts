import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../needs.mjs'
import { freePort } from '../programs/host/free-port.ts'
import { reachable } from '../programs/host/reachable.ts'
import { startServer } from '../programs/host/server.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'
import { asOther } from '../quota/quotad.ts'
import { until } from '../run/until.ts'
import { newest } from '../scanner/daemon/process.ts'
import { framesOf } from '../scanner/doors/slot/socket/client.ts'
import { native } from './built-package.ts'

/**
 * The sockets of the units, handed over by systemd's own program for that: each service takes all
 * that its units name, and answers there. The units are those of the directory.
 */

const systemd = join(import.meta.dirname, '../../packaging/shipped/systemd')
const skip = lacks('systemd-socket-activate', 'the compiled programs')

interface SocketUnit {
  readonly name: string
  readonly service: string
  /** ListenStream, as the unit has it. */
  readonly place: string
  readonly fdname: string
}

const socketUnits: readonly SocketUnit[] = readdirSync(systemd)
  .filter((name) => name.endsWith('.socket'))
  .map((name) => {
    const text = readFileSync(join(systemd, name), 'utf8')
    const field = (field: string) => new RegExp(`^${field}=(.+)$`, 'm').exec(text)?.[1]
    return {
      name,
      service: field('Service') ?? name.replace('.socket', '.service'),
      place: field('ListenStream')!,
      fdname: field('FileDescriptorName') ?? name,
    }
  })

/** A question for each kind of socket, and what must come back. */
const dialogues: Readonly<Record<string, readonly [string | Buffer, RegExp]>> = {
  // SMFIR_NEGOTIATE of the milter protocol: version 6, all actions and steps.
  milter: [Buffer.from('0000000d4f00000006000001ff001fffff', 'hex'), /^\0\0\0.O/s],
  policy: [
    'request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=a@example.org\n\n',
    /^action=/,
  ],
  clamd: ['zPING\0', /^PONG\0/],
  http: ['GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', /^HTTP\/1\.1 (200|503) .*serving/s],
  'onescan-quotad.socket': [
    'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    /^HTTP\/1\.1 [0-9]{3} /,
  ],
  check: ['', /"level":"ok","what":"settings".*\n$/s],
  // slot-protocol.md: a message, and what happens to it.
  'onescand.socket': [Buffer.concat(framesOf({ variables: { QHPSI: 'plugin: eicar' } })), /^A/],
}

/** What is answered to that, up to the first match; fails with what came if the other side ends. */
function answerTo(place: string, question: string | Buffer, answer: RegExp): Promise<string> {
  const [host, port] = place.startsWith('/') ? [] : place.split(':')
  const socket = port === undefined ? connect(place) : connect(Number(port), host)
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setTimeout(60_000, () => socket.destroy(new Error(`${place}: ${text}`)))
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      if (!answer.test(text)) return
      socket.destroy()
      resolve(text)
    })
    socket.on('error', reject)
    socket.on('close', () =>
      answer.test(text) ? resolve(text) : reject(new Error(`${place}: ${JSON.stringify(text)}`)),
    )
    socket.end(question)
  })
}

/** Starts a program with the sockets of its service, in places of this test's own. */
async function activate(
  t: Test,
  service: string,
  command: (places: ReadonlyMap<string, string>) => readonly string[],
  settings: Readonly<Record<string, string>>,
) {
  const directory = socketDirectory(t)
  const units = socketUnits.filter((unit) => unit.service === service)
  const places = new Map<string, string>()
  for (const { name, place } of units) {
    const own = place.startsWith('/') ? join(directory, place) : `127.0.0.1:${await freePort()}`
    if (place.startsWith('/')) mkdirSync(dirname(own), { recursive: true })
    places.set(name, own)
  }
  const variables = Object.entries({ PATH: process.env.PATH ?? '', ...settings })
  const words = [
    ...[...places.values()].map((place) => `--listen=${place}`),
    `--fdname=${units.map(({ fdname }) => fdname).join(':')}`,
    ...variables.map(([name, value]) => `--setenv=${name}=${value}`),
    ...command(places),
  ]
  const { log, stop } = await startServer(['systemd-socket-activate', ...words], /^Listening on/)
  t.teardown(stop)
  const listening = () => log.filter((line) => line.startsWith('Listening on')).length
  await until(() => listening() === units.length, 'all sockets listen')
  return { units, places, log }
}

t.test('every socket unit has a service here', async (t) => {
  t.ok(socketUnits.length >= 6)
  for (const { name, service, fdname } of socketUnits) {
    t.ok(existsSync(join(systemd, service)), `${name}: ${service}`)
    t.ok(fdname in dialogues, `${name}: what is spoken there is known to this test`)
  }
})

const programs = {
  'onescand.service': {
    settings: { QHPSI: 'plugin: eicar', CONTROLDIR: '/nonexistent' },
    on: [newest, [join(native, 'onescand')]],
    options: (places: ReadonlyMap<string, string>) => [
      ...['--workers', '1', '--socket', '/nonexistent/socket'],
      ...['--http', `inet:${places.get('onescan-http.socket')}`],
    ],
  },
  'onescan-quotad.service': {
    settings: { QUOTAMAILBOX: 'maildir:/nonexistent/%u' },
    on: [
      asOther(newest[0]!, reachable(join(import.meta.dirname, '../../dist/onescan-quotad.cjs'))),
      asOther(reachable(join(native, 'onescan-quotad'))),
    ],
    options: () => [],
  },
}

for (const [service, { settings, on, options }] of Object.entries(programs)) {
  for (const program of on) {
    const which = program.length > 1 ? 'on Node' : 'compiled'
    t.test(
      `${service}, ${which}, answers on all that systemd holds for it`,
      { skip },
      async (t) => {
        const command = (places: ReadonlyMap<string, string>) => [...program, ...options(places)]
        const { units, places, log } = await activate(t, service, command, settings)
        for (const { name, fdname } of units) {
          const [question, answer] = dialogues[fdname]!
          const came = await answerTo(places.get(name)!, question, answer).catch(String)
          t.match(came, answer, `${name}\n${log.join('\n')}`)
        }
      },
    )
  }
}

t.test(
  'the page is not shown if systemd holds another address than the one of --http',
  { skip },
  async (t) => {
    const elsewhere = `inet:127.0.0.1:${await freePort()}`
    const command = () => [...newest, '--workers', '1', '--socket', 'none', '--http', elsewhere]
    const { places, log } = await activate(t, 'onescand.service', command, {
      QHPSI: 'plugin: eicar',
    })
    const page = places.get('onescan-http.socket')!
    await t.rejects(answerTo(page, ...dialogues.http!))
    const isLogged = () => log.some((line) => line.includes('set the same address in both'))
    await until(isLogged, 'it is logged')
    const milter = places.get('onescan-milter.socket')!
    t.match(await answerTo(milter, ...dialogues.milter!), dialogues.milter![1], 'mail is taken')
  },
)

t.test('a page for which no --http asks is not shown either', { skip }, async (t) => {
  const command = () => [...newest, '--workers', '1', '--socket', 'none']
  const { places, log } = await activate(t, 'onescand.service', command, { QHPSI: 'plugin: eicar' })
  const milter = places.get('onescan-milter.socket')!
  t.match(await answerTo(milter, ...dialogues.milter!), dialogues.milter![1])
  t.match(log.join('\n'), /a socket for the status page, but --http is not set: add --http/)
})
