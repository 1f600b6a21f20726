import { connect, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { loadSystem } from '../../../../../src/base/runtime/system.ts'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { streamsOf } from '../../../../../src/scanner/scan/scanners/clamd/scan-commands.ts'
import {
  ClamdSessions,
  IDLE_MAX,
} from '../../../../../src/scanner/scan/scanners/clamd/session-pool.ts'
import type {
  ContentScanner,
  Sample,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { pythonMissing } from '../../../../programs/host/python.ts'
import { closed } from '../../../../run/closed.ts'
import { until } from '../../../../run/until.ts'
import { POISON, startMortalServer } from './mortal-server.ts'
import { type Asked, numbered, socketPath, standIn } from './stand-in.ts'
import { clamdSettings, sample, scanTask } from './task.ts'

const small = sample(Buffer.from('From: a@example.org\n\nHello\n'))
const poison = sample(Buffer.from(`From: a@b\n\n${POISON}\n`))
const ok = numbered('stream: OK')

/** A daemon's scanner for these servers. */
function lasting(t: { teardown(end: () => void): void }, ...sockets: string[]): ContentScanner {
  const settings = clamdSettings(sockets.join(' '))
  const scanner = new ClamdScanner(settings, { isLasting: true, passing: loadSystem() })
  t.teardown(() => scanner.close())
  return scanner
}

async function scanBy(scanner: ContentScanner, message: Sample = small) {
  const { task, notes } = scanTask()
  return { answer: await scanner.scan(message, task), notes }
}

/** Resolves when the client has ended the connection. */
async function gone(connection: Socket): Promise<void> {
  connection.resume()
  await closed(connection)
}

t.test('one connection serves message after message', async (t) => {
  const server = await standIn(t, (asked) => {
    numbered(asked.message.includes('virus') ? 'stream: Eicar FOUND' : 'stream: OK')(asked)
  })
  const scanner = lasting(t, server.socket)
  const virus = sample(Buffer.from('From: a@example.org\n\nvirus\n'))
  for (let round = 0; round < 3; round++) {
    t.equal((await scanBy(scanner)).answer.answer, 'clean')
    t.match((await scanBy(scanner, virus)).answer, { answer: 'infected', name: 'Eicar' })
  }
  t.equal(server.connections.length, 1)
  const numbers = server.asked.map(({ number }) => number)
  t.same(numbers, [1, 2, 3, 4, 5, 6])
})

t.test(
  'a server that breaks off and does not return has died with the message',
  { skip: lacks('the addon') },
  async (t) => {
    const socket = socketPath(t)
    await startMortalServer(t, socket)
    const scanner = lasting(t, socket)
    t.equal((await scanBy(scanner)).answer.answer, 'clean')
    const { answer } = await scanBy(scanner, poison)
    t.match(answer, { answer: 'unknown', hasScannerDied: true })
    const { answer: later } = await scanBy(scanner)
    t.match(later, { answer: 'unknown', reason: /cannot connect/ })
    t.notOk('scannerDied' in later, 'a message that came to none was at no death')
  },
)

t.test(
  'a server died if its kept socket only queues',
  { skip: pythonMissing || lacks('the addon') },
  async (t) => {
    // clamd reads its signatures before it takes connections.
    for (const [isWarm, reason] of [
      [false, /closed the connection without a reply/],
      [true, /no answer within the time limit/],
    ] as const) {
      const socket = socketPath(t)
      await startMortalServer(t, socket, { isKept: true })
      const scanner = lasting(t, socket)
      if (isWarm) t.equal((await scanBy(scanner)).answer.answer, 'clean')
      const { task } = scanTask(isWarm ? 3_000 : 60_000)
      const keepAlive = setTimeout(() => {}, 60_000)
      const answer = await scanner.scan(poison, task)
      clearTimeout(keepAlive)
      t.match(answer, { answer: 'unknown', reason, hasScannerDied: true })
    }
  },
)

t.test('a connection that breaks while its server runs blames no message', async (t) => {
  const server = await standIn(t, ({ connection }) => void connection.destroy(), { pings: false })
  const proxy = createServer((client) => {
    const far = connect(server.socket)
    client.on('error', () => {}).on('close', () => far.destroy())
    far.on('error', () => {}).on('close', () => client.destroy())
    client.pipe(far).pipe(client)
  })
  const port = await listen(t, proxy)
  for (const address of [server.socket, `127.0.0.1:${port}`]) {
    const { answer } = await scanBy(lasting(t, address))
    t.match(answer, { answer: 'unknown', cause: 'broken-off' })
    t.notOk('scannerDied' in answer, address)
  }
})

t.test('a numbered reply is understood in every split', async (t) => {
  const wire = ': stream: Eicar FOUND\0'
  let cuts: readonly number[] = []
  const server = await standIn(t, ({ connection, number }) => {
    const reply = `${number}${wire}`
    const ends = [...cuts, reply.length]
    const sendNext = (from: number) => {
      const end = ends.shift()
      if (end !== undefined) connection.write(reply.slice(from, end), () => sendNext(end))
    }
    sendNext(0)
  })
  const scanner = lasting(t, server.socket)
  const anySplit = fc.uniqueArray(fc.integer({ min: 1, max: wire.length - 1 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(anySplit, async (split) => {
      cuts = split.sort((a, b) => a - b)
      t.match((await scanBy(scanner)).answer, { answer: 'infected', name: 'Eicar' })
    }),
    { numRuns: 30 },
  )
  t.equal(server.connections.length, 1)
})

t.test('messages at the same time have a connection each, and few of these are kept', async (t) => {
  const held: Asked[] = []
  let holds = false
  const server = await standIn(t, (asked) => void (holds ? held.push(asked) : ok(asked)))
  const scanner = lasting(t, server.socket)
  holds = true
  const count = IDLE_MAX + 3
  const scans = Array.from({ length: count }, () => scanBy(scanner))
  while (held.length < count) await new Promise(setImmediate)
  t.equal(server.connections.length, count)
  for (const asked of held) ok(asked)
  for (const { answer } of await Promise.all(scans)) t.equal(answer.answer, 'clean')
  while (server.connections.filter(({ closed }) => !closed).length > IDLE_MAX) {
    await new Promise(setImmediate)
  }
  t.pass('the others were ended')
})

t.test('a message is scanned although clamd closed the connection before it', async (t) => {
  const server = await standIn(t, ok)
  const second = await standIn(t, ok)
  const scanner = lasting(t, server.socket, second.socket)
  await scanBy(scanner)
  server.connections[0]!.end('COMMAND READ TIMED OUT\0')
  await gone(server.connections[0]!)
  const { answer, notes } = await scanBy(scanner)
  t.equal(answer.answer, 'clean')
  t.same(notes, [])
  t.equal(server.connections.length, 2)
  t.equal(second.connections.length, 0)
})

for (const [how, leave] of [
  ['without a word', ({ connection }: Asked) => void connection.destroy()],
  ['with a goodbye', ({ connection }: Asked) => void connection.end('COMMAND READ TIMED OUT\0')],
  ['with an old answer', ({ connection }: Asked) => void connection.write('1: stream: OK\0')],
] as const) {
  t.test(`a kept connection that ends ${how} has the message sent again, whole`, async (t) => {
    const server = await standIn(t, (asked) => {
      if (asked.connectionNumber === 1 && asked.number === 2) leave(asked)
      else if (asked.connectionNumber === 1) ok(asked)
      else numbered('stream: Eicar FOUND')(asked)
    })
    const second = await standIn(t, ok)
    const scanner = lasting(t, server.socket, second.socket)
    await scanBy(scanner)
    const message = Buffer.alloc(200_000, 'From: a\n\n0123456789abcdefghijklmnopqrstuvwxyz\n')
    const { answer, notes } = await scanBy(scanner, sample(message))
    t.match(answer, { answer: 'infected', name: 'Eicar' }, 'what the fresh connection answered')
    t.same(notes, [])
    t.equal(server.asked.length, 3)
    t.ok(server.asked[2]!.message.equals(message))
    t.equal(second.connections.length, 0)
  })
}

for (const isKept of [false, true]) {
  t.test(
    `a scan cut short in a ${isKept ? 'kept' : 'new'} session is repeated in one that is ended`,
    async (t) => {
      const pending = new Map<number, Asked>()
      const server = await standIn(t, (asked) => {
        const { connection, connectionNumber: at } = asked
        if (at > 1 && asked.command === 'zEND') numbered('stream: Eicar FOUND')(pending.get(at)!)
        else if (at > 1) pending.set(at, asked)
        else if (isKept && asked.number === 1) ok(asked)
        else connection.end('COMMAND READ TIMED OUT\n')
      })
      const scanner = lasting(t, server.socket)
      if (isKept) await scanBy(scanner)
      const { answer, notes } = await scanBy(scanner)
      t.match(answer, { answer: 'infected', name: 'Eicar' })
      t.same(notes, [])
      t.equal(server.connections.length, 2)
    },
  )
}

t.test('a message that breaks two connections is not sent a third time', async (t) => {
  const server = await standIn(t, (asked) => {
    if (server.asked.length === 1) ok(asked)
    else asked.connection.destroy()
  })
  const scanner = lasting(t, server.socket)
  await scanBy(scanner)
  const { answer } = await scanBy(scanner)
  t.match(answer, {
    answer: 'unknown',
    cause: 'broken-off',
    reason: /closed the connection without a reply/,
  })
  t.equal(server.asked.length, 3)
})

t.test('a reply that breaks off is not an answer, and the server is not asked again', async (t) => {
  const server = await standIn(t, (asked) => {
    if (asked.number === 1) ok(asked)
    else asked.connection.end(`${asked.number}: stream: O`)
  })
  const scanner = lasting(t, server.socket)
  await scanBy(scanner)
  const { answer } = await scanBy(scanner)
  t.match(answer, { answer: 'unknown', reason: /closed the connection during its reply/ })
  t.equal(server.asked.length, 2)
})

t.test('a reply with another number than that of the command is not an answer', async (t) => {
  for (const reply of ['stream: OK\0', '7: stream: OK\0', '11: stream: OK\0', 'OK\0', '\0']) {
    const server = await standIn(t, ({ connection }) => void connection.write(reply))
    const { answer } = await scanBy(lasting(t, server.socket))
    t.match(
      answer,
      { answer: 'unknown', reason: /answered another request/ },
      JSON.stringify(reply),
    )
    t.equal(server.asked.length, 1)
  }
})

t.test('a connection is not used again after two replies to one command', async (t) => {
  const server = await standIn(t, ({ connection, number }) => {
    connection.write(`${number}: stream: Eicar FOUND\0${number + 1}: stream: OK\0`)
  })
  const scanner = lasting(t, server.socket)
  for (let round = 1; round <= 3; round++) {
    t.equal((await scanBy(scanner)).answer.answer, 'infected')
    t.equal(server.connections.length, round)
  }
})

t.test('an OK before the whole message was sent is not clean', async (t) => {
  const hasty = (asked: Asked) => {
    asked.connection.pause()
    ok(asked)
  }
  const server = await standIn(t, hasty, { early: () => true })
  const { answer } = await scanBy(lasting(t, server.socket), sample(Buffer.alloc(20_000_000)))
  t.match(answer, { answer: 'unknown', reason: /before it had the whole message/ })
  await gone(server.connections[0]!)
})

t.test('a scan that takes too long ends its connection, and is not sent again', async (t) => {
  const { task, abort } = scanTask()
  const server = await standIn(t, (asked) => (asked.number === 1 ? ok(asked) : abort()))
  const scanner = lasting(t, server.socket)
  await scanBy(scanner)
  t.match(await scanner.scan(small, task), { answer: 'unknown', reason: /within the time limit/ })
  t.equal(server.asked.length, 2)
  await gone(server.connections[0]!)
  t.equal(server.connections.length, 1)
})

t.test('a request that ended before it began leaks no session', async (t) => {
  const server = await standIn(t, ok)
  const sessions = new ClamdSessions(readClamdAddress(server.socket), { idleMax: 1 })
  t.teardown(() => sessions.close())
  t.match(await sessions.ask(streamsOf([small.bytes]), AbortSignal.abort()), { kind: 'timed-out' })
  const signal = AbortSignal.timeout(20_000)
  t.match(await sessions.ask(streamsOf([small.bytes]), signal), { kind: 'answered' })
  t.equal(server.connections.length, 1)
})

t.test('an idle connection is closed after a while', async (t) => {
  const server = await standIn(t, ok)
  const sessions = new ClamdSessions(readClamdAddress(server.socket), { idleMax: 1, idleFor: 20 })
  t.teardown(() => sessions.close())
  await sessions.ask(streamsOf([small.bytes]), AbortSignal.timeout(20_000))
  const keepAlive = setInterval(() => {}, 1000) // its own timer keeps no process alive
  await gone(server.connections[0]!)
  clearInterval(keepAlive)
  t.pass('the server saw the end')
})

t.test('an idle connection that the server has ended is noticed without a message', async (t) => {
  const server = await standIn(t, ok)
  let broken = 0
  const options = { idleMax: 1, idleFor: 300, onBreak: () => void broken++ }
  const sessions = new ClamdSessions(readClamdAddress(server.socket), options)
  t.teardown(() => sessions.close())
  await sessions.ask(streamsOf([small.bytes]), AbortSignal.timeout(20_000))
  server.die()
  await until(() => broken > 0, 'the connection is given up')
})

t.test('a closed scanner ends idle connections at once, and busy ones later', async (t) => {
  const held: Asked[] = []
  let holds = false
  const server = await standIn(t, (asked) => void (holds ? held.push(asked) : ok(asked)))
  const scanner = new ClamdScanner(clamdSettings(server.socket), { isLasting: true })
  await scanBy(scanner)
  holds = true
  const [one, other] = [scanBy(scanner), scanBy(scanner)]
  while (held.length < 2) await new Promise(setImmediate)
  ok(held[0]!)
  await Promise.race([one, other])
  scanner.close()
  await gone(held[0]!.connection)
  t.notOk(held[1]!.connection.closed)
  ok(held[1]!)
  for (const { answer } of await Promise.all([one, other])) t.equal(answer.answer, 'clean')
  await gone(held[1]!.connection)
})
