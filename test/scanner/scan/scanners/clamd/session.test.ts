import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import type { Sample } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { ReadBy } from '../../../../mail/message/bytes.ts'
import { closesAtOnce, replyingWith, standIn } from './stand-in.ts'
import { clamdSettings, sample, scan, scanTask } from './task.ts'

const small = Buffer.from('From: a@example.org\nSubject: s\n\nHello\n')

const keepsSilent = () => {}
const atOnce = () => true

t.test('a large message arrives whole at a server that reads slowly', async (t) => {
  const message = Buffer.alloc(3_000_000, 'From: a\n\n0123456789abcdefghijklmnopqrstuvwxyz\n')
  const server = await standIn(t, replyingWith('stream: OK\0'))
  const scanned = scan(server.socket, sample(message))
  const paused = setInterval(() => {
    const [connection] = server.connections
    connection?.pause()
    setImmediate(() => connection?.resume())
  }, 1)
  t.equal((await scanned).answer.answer, 'clean')
  clearInterval(paused)
  t.ok(server.asked[0]!.message.equals(message))
})

t.test('a server that never answers is left at the deadline and not asked again', async (t) => {
  const { task, abort } = scanTask()
  const hangs = await standIn(t, () => abort())
  const second = await standIn(t, replyingWith('stream: OK\0'))
  const scanner = new ClamdScanner(clamdSettings(`${hangs.socket} ${second.socket}`))
  t.match(await scanner.scan(sample(small), task), {
    answer: 'unknown',
    over: undefined,
    reason: `clamd ${hangs.socket}: no answer within the time limit`,
  })
  t.equal(hangs.asked.length, 1)
  t.equal(second.connections.length, 0)
})

t.test('a server that stops reading does not hold the scan beyond the deadline', async (t) => {
  const server = await standIn(t, ({ connection }) => connection.pause(), { early: atOnce })
  const { task } = scanTask(300)
  const endless = { ...sample(small), size: 50_000_000, chunks: () => zeros(50_000_000) }
  const answer = await new ClamdScanner(clamdSettings(server.socket)).scan(endless, task)
  t.match(answer, {
    answer: 'unknown',
    cause: 'timeout',
    reason: /no answer within the time limit/,
  })
})

function* zeros(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(65_536)
  for (let at = 0; at < bytes; at += chunk.length) yield chunk
}

t.test('no server is asked after the deadline', async (t) => {
  const server = await standIn(t, replyingWith('stream: OK\0'))
  const { task, abort } = scanTask()
  abort()
  const answer = await new ClamdScanner(clamdSettings(server.socket)).scan(sample(small), task)
  t.equal(answer.answer, 'unknown')
  t.equal(server.connections.length, 0)
})

t.test('an answer or the deadline leaks no connection, listener or timer', async (t) => {
  for (const answer of [replyingWith('stream: OK\0'), keepsSilent]) {
    const server = await standIn(t, answer)
    const { task, abort } = scanTask()
    const listeners = () => getEventListeners(task.signal, 'abort').length
    const before = listeners()
    const scanned = new ClamdScanner(clamdSettings(server.socket)).scan(sample(small), task)
    if (answer === keepsSilent) {
      while (server.connections.length === 0) await new Promise(setImmediate)
      t.equal(listeners(), before + 1)
      abort()
    }
    await scanned
    t.equal(listeners(), before)
    await ended(server.connections[0]!)
    t.pass('the server saw the end')
  }
})

async function ended(connection: Socket): Promise<void> {
  connection.resume()
  if (!connection.readableEnded) await new Promise((end) => connection.on('end', end))
}

t.test('sending ends when clamd reports a limit', async (t) => {
  const server = await standIn(t, replyingWith('INSTREAM size limit exceeded. ERROR\0'), {
    early: (received) => received.length > 100_000,
  })
  const message = Buffer.alloc(50_000_000)
  t.match((await scan(server.socket, sample(message))).answer, { answer: 'unread', kind: 'size' })
  t.ok(server.connections[0]!.bytesRead < 10_000_000, 'most of it was never sent')
})

for (const place of ['unix', 'tcp'] as const) {
  t.test(`a reply before a write that fails is still read (${place})`, async (t) => {
    const limit = await closesAtOnce(t, '1: INSTREAM size limit exceeded. ERROR\0', place)
    const result = await scan(limit.address, afterwards(limit.waitForClose))
    t.match(result.answer, { answer: 'unread', kind: 'size' })

    const silent = await closesAtOnce(t, 'stre', place)
    const cut = await scan(silent.address, afterwards(silent.waitForClose))
    t.match(cut.answer, { answer: 'unknown', reason: /closed the connection during its reply/ })
  })
}

/** A message whose first byte comes only when `wait` has returned. */
function afterwards(wait: () => void): Sample {
  const bytes = new ReadBy(small.length, function* () {
    wait()
    yield small
  })
  return { ...sample(small), bytes }
}

t.test('an error in reading the message is thrown on, and ends the connection', async (t) => {
  for (const good of [0, 300_000]) {
    const server = await standIn(t, keepsSilent)
    const bytes = new ReadBy(small.length, function* () {
      yield Buffer.alloc(good)
      throw new Error('spool: read error')
    })
    const unreadable: Sample = { ...sample(small), bytes }
    await t.rejects(scan(server.socket, unreadable), { message: 'spool: read error' })
    while (server.connections.length === 0) await new Promise(setImmediate)
    await ended(server.connections[0]!)
    t.pass('the server saw the end')
  }
})
