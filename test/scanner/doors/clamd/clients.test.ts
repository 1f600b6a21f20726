import { once } from 'node:events'
import t from 'tap'
import type { Sample } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  type ScanResult,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { bytes } from '../../../cases/case.ts'
import { until } from '../../../run/until.ts'
import { everything, negotiation, oldest } from '../milter/mta.ts'
import { stalwartOffer } from '../milter/stalwart.ts'
import { slowClamd } from '../slow-clamd.ts'
import { inStream, type Line, openClamdDoor, streamed } from './rig.ts'

/** Clients that leave, wait, are silent, slow or many, and invalid requests. */

const scan = async () => clean
const QHPSI = 'plugin: eicar'
/** A message that clamd itself takes for one, so that it is asked about it once. */
const plain = bytes('From: a@example.org\nTo: b@example.org\nSubject: x\n\nHello\n')

t.test('a client that leaves ends its scan', async (t) => {
  const clamd = await slowClamd(t)
  const door = await openClamdDoor(t, clamd.settings, { timeouts: { halfClosing: 0 } })
  const line = await door.call()
  line.write(inStream(plain))
  const { connection } = await clamd.asked()
  const ended = once(connection, 'close')
  line.socket.destroy()
  await ended
  await until(() => door.mailLog.length === 1, 'it is logged')
  t.match(door.mailLog, [/decision=defer fault=read/])
  t.equal(door.state().clients, 0)
})

t.test('a content that is cut off has a line in the log', async (t) => {
  const door = await openClamdDoor(t, { QHPSI })
  const line = await door.call()
  line.write(inStream(plain).subarray(0, 30))
  line.socket.end()
  t.equal(await line.hear(), '')
  t.match(door.mailLog, [
    /decision=defer fault=read reason="the connection ended before the content"/,
  ])
  const silent = await openClamdDoor(t, { QHPSI }, { timeouts: { silence: 50 } })
  const other = await silent.call()
  other.write(inStream(plain).subarray(0, 30))
  t.match(await other.hear(), /TIMED OUT/)
  t.match(silent.mailLog, [/fault=read/])
})

t.test('a client that closes its own side with its last words waits for the answer', async (t) => {
  const clamd = await slowClamd(t)
  const door = await openClamdDoor(t, clamd.settings)
  const line = await door.call()
  line.socket.end(inStream(plain))
  await clamd.answer()
  t.equal(await line.hear(), 'stream: OK\0')
  const old = await door.call()
  old.socket.end('VERSION\r')
  t.equal(await old.hear(), 'clamd does not report its version. ERROR\n')
})

t.test('a session goes on while a scan takes its time', async (t) => {
  const ends = new Map<string, (found: ScanResult) => void>()
  const results = new Map<string, Promise<ScanResult>>()
  // Of each stream there are several questions, which have the same answer.
  const scan = ({ bytes }: Sample) => {
    const text = bytes.gather().toString('latin1').slice(-4)
    const result =
      results.get(text) ?? new Promise<ScanResult>((resolve) => void ends.set(text, resolve))
    results.set(text, result)
    return result
  }
  const door = await openClamdDoor(t, { QHPSI }, { scan })
  const line = await door.call()
  line.write('zIDSESSION\0', inStream('PK 1'), 'zPING\0', inStream('PK 2'), 'nPING\n')
  const pings = '2: PONG\x004: PONG\n'
  t.equal(await line.hear(2), pings)
  await until(() => ends.size === 2, 'both are scanned')
  ends.get('PK 2')!(infected('Virus'))
  t.equal(await line.hear(3), `${pings}3: stream: Virus FOUND\0`)
  ends.get('PK 1')!(clean)
  t.equal(await line.hear(4), `${pings}3: stream: Virus FOUND\x001: stream: OK\0`)
  line.write('zEND\0')
  await line.closed
})

t.test('requests of a session beyond eight wait, and all are answered', async (t) => {
  let now = 0
  let most = 0
  let goOn = () => {}
  const released = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const door = await openClamdDoor(
    t,
    { QHPSI },
    {
      async scan() {
        most = Math.max(most, ++now)
        if (now === 8) setImmediate(goOn)
        await released
        now--
        return clean
      },
    },
  )
  const line = await door.call()
  line.write('zIDSESSION\0', ...Array.from({ length: 100 }, () => inStream('PK\x03\x04')), 'zEND\0')
  const replies = (await line.hear()).split('\0').slice(0, -1)
  t.same(new Set(replies), new Set(Array.from({ length: 100 }, (_, at) => `${at + 1}: stream: OK`)))
  t.equal(most, 8)
})

t.test('silent clients are disconnected, with the reply that clamd gives', async (t) => {
  const timeouts = { firstCommand: 30, silence: 30 }
  const door = await openClamdDoor(t, { QHPSI }, { scan, timeouts })
  const words = 'COMMAND READ TIMED OUT'
  for (const [sent, heard] of [
    ['', `${words}\n`],
    ['zPI', `${words}\n`],
    ['zINSTREAM\0\0\0\0\x09abc', `${words}\0`],
    ['zIDSESSION\0', ''],
    ['zIDSESSION\0zPING\0', '1: PONG\0'],
    ['zIDSESSION\0zINSTREAM\0\0', `1: ${words}\0`],
  ]) {
    t.equal(await door.ask(sent!), heard, JSON.stringify(sent))
  }
})

t.test('a client that has sent a command may be silent for longer, as in clamd', async (t) => {
  const timeouts = { firstCommand: 30, silence: 60_000 }
  const door = await openClamdDoor(t, { QHPSI }, { scan, timeouts })
  const session = await door.call()
  session.write('zIDSESSION\0zPING\0')
  await session.hear(1)
  const stream = await door.call()
  stream.write('zINSTREAM\0\0\0')
  for (const sent of ['', 'zPI']) t.equal(await door.ask(sent), 'COMMAND READ TIMED OUT\n', sent)
  session.write('zPING\0')
  t.equal(await session.hear(2), '1: PONG\x002: PONG\0')
  stream.write('\0\0')
  t.equal(await stream.hear(), 'stream: OK\0')
})

t.test('silent connections are closed when there are too many', async (t) => {
  const door = await openClamdDoor(t, { QHPSI }, { scan, byTcp: true, maxConnections: 500 })
  const silent: Line[] = []
  while (silent.length < 2000) {
    silent.push(...(await Promise.all(Array.from({ length: 200 }, () => door.call()))))
  }
  const isClean = (reply: string) => reply === 'stream: OK\0'
  await until(() => door.ask(inStream(plain)), 'those that were idle for long are gone', isClean)
  await until(() => silent.filter(({ socket }) => !socket.closed).length < 500, 'room')
})

t.test('a client that reads no answers is cut off, and others are served', async (t) => {
  const door = await openClamdDoor(t, { QHPSI }, { scan })
  const line = await door.call()
  line.socket.pause()
  const pings = 'zVERSIONCOMMANDS\0'.repeat(4000)
  line.write('zIDSESSION\0')
  const more = () => {
    while (!line.socket.closed && line.socket.write(pings));
  }
  line.socket.on('drain', more)
  more()
  t.equal(await door.ask(inStream(plain)), 'stream: OK\0')
  await until(() => door.state().clients === 0, 'it is over')
  line.socket.destroy()
  await line.closed
})

const commandTooLong = 'Command too long. ERROR'
/** What is answered to nonsense; without a word it is nothing but the end. */
const nonsense: readonly (readonly [string, Buffer, string])[] = [
  ['a command of 1 MB', Buffer.alloc(1024 * 1024, 'z'), `${commandTooLong}\n`],
  [
    'one in a session',
    bytes(`zIDSESSION\0zPING\0z${'a'.repeat(9999)}`),
    `1: PONG\x002: ${commandTooLong}\0`,
  ],
  ['NUL and newline mixed', bytes('nPING\0VERSION\n'), 'UNKNOWN COMMAND\n'],
  ['a stream that ends in the middle', inStream(plain).subarray(0, -10), ''],
  ['10,000 chunks of one byte', inStream('x'.repeat(10_000), 1), 'stream: OK\0'],
  ['a length of zero first', bytes('zINSTREAM\0\0\0\0\0'), 'stream: OK\0'],
  ['bytes behind a stream', Buffer.concat([inStream('x'), Buffer.alloc(100_000)]), 'stream: OK\0'],
  [
    'no prefix in a session',
    bytes('zIDSESSION\0PING\n'),
    '1: Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION. ERROR\n',
  ],
  [
    'a folder in a session',
    bytes('zIDSESSION\0zCONTSCAN /\0'),
    '1: Command invalid inside IDSESSION. ERROR\0',
  ],
  ['what is to change clamd', bytes('zSHUTDOWN\0'), 'COMMAND UNAVAILABLE\0'],
  ['the same to load signatures', bytes('RELOAD\n'), 'COMMAND UNAVAILABLE\n'],
  ['a name of JavaScript', bytes('z__proto__\0'), 'UNKNOWN COMMAND\0'],
]
for (const [what, sent, heard] of nonsense) {
  t.test(`${what}: a clear answer, and others go on`, async (t) => {
    const door = await openClamdDoor(t, { QHPSI }, { scan, maxSize: 1024 * 1024 })
    const waiting = await door.call()
    waiting.write('zINSTREAM\0')
    const line = await door.call()
    line.socket.end(sent)
    t.equal(await line.hear(), heard)
    waiting.write(streamed(plain))
    t.equal(await waiting.hear(), 'stream: OK\0')
    await until(() => door.state().clients === 0, 'it is over')
    t.equal(door.state().memory, 0, 'no memory stays taken')
  })
}

t.test('an MTA that takes it for a milter is named in the log, once', async (t) => {
  const door = await openClamdDoor(t, { QHPSI }, { scan, byTcp: true })
  for (const offer of [everything, stalwartOffer, oldest]) {
    t.equal(await door.ask(negotiation(offer)), 'UNKNOWN COMMAND\n')
  }
  t.same(door.log, [
    'clamd: 127.0.0.1 speaks the milter protocol at an address for clients of clamd; set its mail server to the address of --milter',
  ])
  t.equal(await door.ask('zPING\0'), 'PONG\0')
})

t.test('without memory the answer reports it, and the memory is freed', async (t) => {
  const { Budget } = await import('../../../../src/base/flow/memory-budget.ts')
  const budget = new Budget(100_000)
  const door = await openClamdDoor(t, { QHPSI }, { scan, budget })
  const lines = await Promise.all(Array.from({ length: 20 }, () => door.call()))
  for (const line of lines) line.write('zINSTREAM\0', streamed('PK\x03\x04').subarray(0, -4))
  // A client may take three quarters of all.
  await until(() => budget.used + 8192 > (budget.limit * 3) / 4, 'there is no room for one more')
  for (const line of lines) line.write(Buffer.alloc(4))
  const replies = await Promise.all(lines.map((line) => line.hear()))
  t.same(
    new Set(replies),
    new Set(['stream: OK\0', 'stream: Not scanned: out-of-memory, see the log ERROR\0']),
  )
  await until(() => budget.used === 0, 'it is free')
  t.equal(await door.ask(inStream(plain)), 'stream: OK\0')
})

t.test('requests under way are answered before a session ends for lack of memory', async (t) => {
  const { Budget } = await import('../../../../src/base/flow/memory-budget.ts')
  const budget = new Budget(100_000)
  const clamd = await slowClamd(t)
  const door = await openClamdDoor(t, clamd.settings, { budget })
  const line = await door.call()
  line.write('zIDSESSION\0', inStream(plain))
  await clamd.asked()
  const taken = budget.limit - budget.used
  budget.change('', taken)
  line.write('zPING\0')
  await until(() => door.log.some((entry) => entry.includes('no memory')), 'out of memory')
  await clamd.answer()
  t.equal(
    await line.hear(),
    '1: stream: OK\0' + '2: stream: Not scanned: out-of-memory, see the log ERROR\0',
  )
  budget.change('', -taken)
  await until(() => budget.used === 0 && door.state().clients === 0, 'all is given back')
})

t.test(
  'an interface that closes answers pending requests, and disconnects other clients',
  async (t) => {
    const clamd = await slowClamd(t)
    const door = await openClamdDoor(t, clamd.settings)
    const idle = await door.call()
    const session = await door.call()
    session.write('zIDSESSION\0zPING\0')
    await session.hear(1)
    const busy = await door.call()
    busy.write(inStream(plain))
    await clamd.asked()
    const closed = door.close(60_000)
    t.equal(await idle.hear(), '')
    t.equal(await session.hear(), '1: PONG\0')
    await clamd.answer()
    t.equal(await busy.hear(), 'stream: OK\0')
    await closed
  },
)
