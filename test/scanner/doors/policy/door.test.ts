import '../../../needs-addon.ts'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import {
  AttributeReader,
  writeAttributes,
} from '../../../../src/base/protocol/policy-attributes.ts'
import { closed } from '../../../run/closed.ts'
import { clientOf, extendedAnswer, udpService } from '../../scan/quota/services.ts'
import { mailboxes, openPolicyDoor } from './rig.ts'

const REQUEST_MAX = 64 * 1024

/** The answers to Postfix, in its own protocol. */

interface Talker {
  readonly socket: Socket
  ask(attributes: Readonly<Record<string, string>>): Promise<Record<string, string>>
  /** Resolves when the service has hung up. */
  readonly closed: Promise<unknown>
}

async function rig(
  t: Test,
  { env = {}, maxConnections = 10, dead = false, off = (): boolean => false } = {},
) {
  const answer = extendedAnswer(mailboxes)
  const backend = await udpService(t, (packet) => (dead ? undefined : answer(packet)))
  const { client } = clientOf(t, `quotad:127.0.0.1:${backend.port}`, env)
  const log: string[] = []
  const note = (line: Buffer | string) => void log.push(line.toString())
  const services = { quota: client, isOff: off, log: note }
  const { service, port } = await openPolicyDoor(t, services, maxConnections, note)
  /** Answers what a dead backend has heard. */
  const revive = () => {
    for (const [at, { port, address }] of backend.senders.entries()) {
      backend.socket.send(answer(backend.heard[at]!), port, address)
    }
  }
  return { service, log, heard: backend.heard, revive, connect: () => talkTo(t, port) }
}

async function talkTo(t: Test, port: number): Promise<Talker> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  const reader = new AttributeReader()
  const waiting: ((answer: Record<string, string>) => void)[] = []
  socket.on('data', (chunk: Buffer) => {
    for (const answer of reader.push(chunk)) waiting.shift()!(Object.fromEntries(answer))
  })
  await once(socket, 'connect')
  return {
    socket,
    closed: closed(socket),
    ask: (attributes) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        socket.write(writeAttributes(attributes))
      }),
  }
}

/** Returns a request as Postfix sends it at RCPT. */
const rcpt = (recipient: string, more: Readonly<Record<string, string>> = {}) => ({
  request: 'smtpd_access_policy',
  protocol_state: 'RCPT',
  protocol_name: 'ESMTP',
  client_address: '192.0.2.1',
  sender: 'x@example.net',
  recipient,
  size: '0',
  sasl_username: '',
  ...more,
})

const full = '452 4.2.2 Quota exceeded for <full@example.org>, try again later'

t.test('over one connection only the full recipient is refused', async (t) => {
  const { connect, log } = await rig(t)
  const talker = await connect()
  t.same(await talker.ask(rcpt('half@example.org')), { action: 'DUNNO' })
  t.same(await talker.ask(rcpt('full@example.org')), { action: full })
  t.same(await talker.ask(rcpt('nobody@example.org')), { action: 'DUNNO' })
  t.same(await talker.ask(rcpt('half@example.org')), { action: 'DUNNO' })
  t.match(log, [
    'onescan: decision=defer quota=full reply=452 interface=policy remote=192.0.2.1 ' +
      'used=100 limit=100 from=<x@example.net> to=<full@example.org>\n',
    /^onescan: decision=pass quota=no-such-user interface=policy .* to=<nobody@example\.org>\n$/,
  ])
})

t.test('a client that has closed its own side still gets its answers', async (t) => {
  const { connect } = await rig(t)
  const talker = await connect()
  const answers = [talker.ask(rcpt('full@example.org')), talker.ask(rcpt('half@example.org'))]
  talker.socket.end()
  t.same(await Promise.all(answers), [{ action: full }, { action: 'DUNNO' }])
  await talker.closed
})

t.test('the announced size counts', async (t) => {
  const { connect } = await rig(t)
  const { ask } = await connect()
  t.same(await ask(rcpt('half@example.org', { size: '50' })), { action: 'DUNNO' })
  t.match(await ask(rcpt('half@example.org', { size: '51' })), { action: /^452 4\.2\.2 / })
  t.same(await ask(rcpt('half@example.org', { size: '-1' })), { action: 'DUNNO' })
})

t.test('recipients of authenticated clients are asked about only with QUOTARELAY', async (t) => {
  const question = rcpt('full@example.org', { sasl_username: 'ann' })
  const standard = await rig(t)
  t.same(await (await standard.connect()).ask(question), { action: 'DUNNO' })
  t.equal(standard.heard.length, 0)
  const asking = await rig(t, { env: { QUOTARELAY: 'ask' } })
  t.same(await (await asking.connect()).ask(question), { action: full })
})

t.test('a request at another state, or without a recipient, is answered DUNNO', async (t) => {
  const { connect, heard } = await rig(t)
  const { ask } = await connect()
  for (const state of ['CONNECT', 'EHLO', 'MAIL', 'DATA', 'END-OF-MESSAGE', 'VRFY', '']) {
    const question = rcpt('full@example.org', { protocol_state: state })
    t.same(await ask(question), { action: 'DUNNO' }, state)
  }
  t.same(await ask(rcpt('')), { action: 'DUNNO' })
  t.same(await ask({ request: 'something new' }), { action: 'DUNNO' })
  t.equal(heard.length, 0)
})

// promise: rule-13-relay
t.test('while the backend is dead the answer is DUNNO, and soon without waiting', async (t) => {
  const { connect, log, heard } = await rig(t, { dead: true, env: { QUOTATIMEOUT: '50' } })
  const { ask } = await connect()
  for (let n = 0; n <= 100; n++) {
    t.same(await ask(rcpt(`full${n}@example.org`)), { action: 'DUNNO' })
  }
  t.ok(heard.length < 50, `${heard.length} questions, and it is tried again now and then`)
  t.match(log.at(-1), /^onescan: decision=pass quota=unknown reason=".* does not answer" /)
})

t.test('requests that are sent at once are answered in their order', async (t) => {
  const { connect } = await rig(t)
  const { ask } = await connect()
  const names = ['full', 'half', 'full', 'nobody', 'half', 'full']
  const answers = await Promise.all(names.map((name) => ask(rcpt(`${name}@example.org`))))
  t.same(
    answers.map(({ action }) => action === full),
    names.map((name) => name === 'full'),
  )
})

t.test('a malformed request ends its connection and no other', async (t) => {
  const { connect, log } = await rig(t)
  const good = await connect()
  for (const nonsense of ['GET / HTTP/1.0\r\n\r\n', '\n', 'x'.repeat(REQUEST_MAX + 1)]) {
    const bad = await connect()
    bad.socket.write(nonsense)
    await bad.closed
  }
  t.equal(log.length, 3)
  const line = /^policy service: "GET \/ HTTP\/1\.0.*" is not an attribute; closed the connection$/
  t.match(log[0], line)
  t.same(await good.ask(rcpt('full@example.org')), { action: full })
})

t.test('a client that sends requests and reads no answer is disconnected', async (t) => {
  const { connect } = await rig(t, { env: { QUOTADELIMITER: '-' } })
  const { socket, closed } = await connect()
  const over = closed.catch(() => {}) // it may be reset
  socket.pause()
  const question = writeAttributes(rcpt(`full-${'x'.repeat(230)}@example.org`)) // it is in the answer
  const questions = Buffer.concat(Array(500).fill(question))
  const ask = () => void socket.write(questions, (error) => error || ask())
  ask()
  await over
})

t.test('a full mailbox is full by an address with an extension', async (t) => {
  const { connect } = await rig(t, { env: { QUOTADELIMITER: '-+' } })
  const { ask } = await connect()
  const recipient = 'full+a-b@example.org'
  const reply = `452 4.2.2 Quota exceeded for <${recipient}>, try again later`
  t.same(await ask(rcpt(recipient)), { action: reply })
})

t.test('the connection that was idle for longest makes room', async (t) => {
  const { connect } = await rig(t, { maxConnections: 2 })
  const first = await connect()
  await first.ask(rcpt('half@example.org'))
  const second = await connect()
  await second.ask(rcpt('half@example.org'))
  await first.ask(rcpt('half@example.org'))
  const third = await connect()
  await second.closed
  t.same(await third.ask(rcpt('full@example.org')), { action: full })
  t.same(await first.ask(rcpt('full@example.org')), { action: full })
})

t.test('a service that closes answers requests that are here', async (t) => {
  const { connect, service, heard } = await rig(t, { dead: true, env: { QUOTATIMEOUT: '200' } })
  const idle = await connect()
  const busy = await connect()
  const answer = busy.ask(rcpt('half@example.org'))
  while (heard.length === 0) await new Promise(setImmediate)
  const over = service.close(10_000)
  t.same(await answer, { action: 'DUNNO' })
  await Promise.all([over, idle.closed, busy.closed])
})

// promise: rule-18-switch
t.test('while onescan is off no quota service is asked', async (t) => {
  let isOff = true
  const { connect, heard } = await rig(t, { off: () => isOff })
  const { ask } = await connect()
  t.same(await ask(rcpt('full@example.org')), { action: 'DUNNO' })
  t.equal(heard.length, 0)
  isOff = false
  t.same(await ask(rcpt('full@example.org')), { action: full })
})

t.test('without QUOTAD all recipients pass, until it is set', async (t) => {
  const { service, connect } = await rig(t)
  const { ask } = await connect()
  service.configure({ quota: undefined, isOff: () => false, log: () => {} })
  t.same(await ask(rcpt('full@example.org')), { action: 'DUNNO' })
})
