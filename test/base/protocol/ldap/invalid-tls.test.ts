import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { LdapDirectory } from '../../../../src/base/protocol/ldap/ldap-directory.ts'
import { readLdapSettings } from '../../../../src/base/protocol/ldap/ldap-settings.ts'
import { lacks } from '../../../needs.mjs'
import { listen } from '../../../programs/host/listen.ts'
import {
  type Answer,
  entry,
  found,
  message,
  result,
  startScriptedDirectory,
} from './scripted-directory.ts'

/** Directories by ldaps that speak no TLS, break it off, or send invalid answers inside it. */

const HOST = 'mx.example.org'
const ann = { name: 'ann', local: 'ann', domain: '' }

/** A key, and a certificate of its own for 127.0.0.1; the second is the file for QUOTALDAPCA. */
function certificateOf(t: Test) {
  const at = t.testdir({})
  const [key, cert] = [`${at}/key`, `${at}/certificate`]
  const own = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert]
  const about = ['-days', '2', '-subj', '/CN=x', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...own, ...about], { stdio: 'ignore' })
  return { certificate: { key: readFileSync(key), cert: readFileSync(cert) }, file: cert }
}

function open(t: Test, url: string, authorities: string, timeout = 60_000) {
  const clock = { uptime: 0 }
  const settings = readLdapSettings({ QUOTALDAPURL: url, QUOTALDAPCA: authorities })!
  const uptime = () => clock.uptime
  const directory = new LdapDirectory(settings, { uptime, timeout, remembered: 10 })
  t.teardown(() => directory.close())
  return { directory, clock }
}

const welcome: Answer = ({ id, asks }, socket) => {
  if (asks === 'bind') socket.write(message(id, result(0x61, 0)))
  if (asks === 'search') socket.write(Buffer.concat([entry(id, { mailHost: HOST }), found(id)]))
}

/** A server that does something with each connection, and reads nothing. Returns its URL. */
async function startServer(t: Test, take: (socket: Socket) => void): Promise<string> {
  return `ldaps://127.0.0.1:${await listen(t, createServer(take))}`
}

/** A TLS record of a handshake that shows it is longer than any may be (RFC 8446 5.1). */
const longRecord = Buffer.concat([Buffer.from([22, 3, 3, 0xff, 0xff]), randomBytes(65_535)])
/** An alert in plain text: handshake_failure. */
const alert = Buffer.from([21, 3, 3, 0, 2, 2, 40])

const greetings: readonly (readonly [name: string, greet: (socket: Socket) => void])[] = [
  ['speaks LDAP without TLS', (socket) => socket.write(found(1))],
  ['speaks HTTP', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['sends random bytes without end', (socket) => sendFor(socket, randomBytes(16_384))],
  ['sends records that are too long', (socket) => sendFor(socket, longRecord)],
  ['refuses the handshake', (socket) => socket.write(alert)],
  ['hangs up', (socket) => socket.end()],
  ['resets the connection', (socket) => socket.resetAndDestroy()],
]

function sendFor(socket: Socket, bytes: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  }
  socket.on('drain', more)
  more()
}

for (const [name, greet] of greetings) {
  t.test(
    `a server for ldaps that ${name} is trouble, and no more`,
    { skip: lacks('openssl') },
    async (t) => {
      const { file } = certificateOf(t)
      const { directory, clock } = open(t, await startServer(t, greet), file)
      for (let i = 0; i < 3; i++) {
        t.match(await directory.find(ann), { kind: 'trouble', reason: /^ldaps:/ })
        clock.uptime += 5000
      }
    },
  )
}

t.test(
  'a silent ldaps server is reported within the time limit',
  { skip: lacks('openssl') },
  async (t) => {
    const { file } = certificateOf(t)
    const { directory } = open(t, await startServer(t, () => {}), file, 100)
    t.match(await directory.find(ann), { kind: 'trouble', reason: /no answer in 100 ms/ })
  },
)

t.test(
  'answers of a directory over TLS are checked as strictly as those without TLS',
  { skip: lacks('openssl') },
  async (t) => {
    const { certificate, file } = certificateOf(t)
    let isInvalid = true
    const reply: Answer = (request, socket) => {
      if (!isInvalid || request.asks !== 'search') welcome(request, socket)
      else socket.write(Buffer.concat(Array.from({ length: 9000 }, () => found(0x7f))))
    }
    const server = await startScriptedDirectory(t, reply, () => {}, certificate)
    const { directory, clock } = open(t, server.url, file)
    t.match(await directory.find(ann), { kind: 'trouble', reason: /sent an unexpected answer/ })
    isInvalid = false
    clock.uptime = 5000
    t.match(await directory.find(ann), { kind: 'entry', backend: HOST })
  },
)

t.test(
  'nothing is asked of a server with a certificate of its own',
  { skip: lacks('openssl') },
  async (t) => {
    const { certificate } = certificateOf(t)
    const { file: another } = certificateOf(t)
    const asked: string[] = []
    const server = await startScriptedDirectory(
      t,
      (request, socket) => {
        asked.push(request.asks)
        welcome(request, socket)
      },
      () => {},
      certificate,
    )
    const { directory } = open(t, server.url, another)
    t.match(await directory.find(ann), { kind: 'trouble', reason: /certificate/ })
    t.same(asked, [], 'no password goes there')
  },
)
