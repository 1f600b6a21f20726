import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { linkSync, mkdirSync, renameSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { RETRY_TIMEOUTS } from '../../../../../src/scanner/scan/scanners/clamd/fail-over.ts'
import { PERMITS } from '../../../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { planOf, secondLook } from '../run/scanning.ts'
import { fullServer } from './full-server.ts'
import { replyingWith, socketPath, standIn } from './stand-in.ts'
import { clamdSettings, sample, scan, scanTask } from './task.ts'

/** Many messages at one server, and servers that cannot be reached for a moment. */

/** Characters of a content that is asked about by itself. */
const BATCH = 60_000

const small = sample(Buffer.from('From: a@example.org\n\nHello\n'))

/** A path at which there is a socket that nothing listens on. */
async function leftSocket(t: Test): Promise<string> {
  const path = socketPath(t)
  const server = createServer().listen(`${path}1`)
  await once(server, 'listening')
  linkSync(`${path}1`, path)
  server.close()
  await once(server, 'close')
  return path
}

/** Resolves when the next connection that this process tries has failed. */
async function nextRefusal(): Promise<void> {
  const socket = await new Promise<Socket>((resolve) => {
    const hear = (message: unknown) => {
      unsubscribe('net.client.socket', hear)
      resolve((message as { socket: Socket }).socket)
    }
    subscribe('net.client.socket', hear)
  })
  while (!socket.closed) await new Promise(setImmediate)
}

for (const isLasting of [false, true]) {
  const kind = isLasting ? 'lasting' : 'single'
  t.test(`a server has ${PERMITS.small} ${kind} conversations at most`, async (t) => {
    let open = 0
    let most = 0
    let all = () => {}
    const full = new Promise<void>((resolve) => {
      all = resolve
    })
    const server = await standIn(t, async (asked) => {
      most = Math.max(most, ++open)
      if (open === PERMITS.small) all()
      await full // as many as there may be are here at once
      open--
      replyingWith('stream: OK\0')(asked)
    })
    const scanner = new ClamdScanner(clamdSettings(server.socket), { isLasting })
    t.teardown(() => scanner.close())
    const scans = Array.from({ length: 10 * PERMITS.small }, () =>
      runScanners(small, planOf([scanner])),
    )
    for (const { answer } of await Promise.all(scans)) t.equal(answer, 'clean')
    t.equal(most, PERMITS.small)
  })
}

t.test('each of several servers gets a limited number of messages, and others wait', async (t) => {
  const servers = [await standIn(t, () => {}), await standIn(t, () => {})]
  const CLAMD = servers.map(({ socket }) => socket).join(' ')
  const scanner = new ClamdScanner(clamdSettings(CLAMD))
  const hung = new AbortController()
  const scans = Array.from({ length: 2 * PERMITS.small }, () =>
    runScanners(small, planOf([scanner], { gone: hung.signal })),
  )
  const leaving = new AbortController()
  const waiting = runScanners(small, planOf([scanner], { gone: leaving.signal }))
  while (servers.some(({ connections }) => connections.length < PERMITS.small)) {
    await new Promise(setImmediate)
  }
  leaving.abort()
  t.match(await waiting, {
    answer: 'unknown',
    isUnfinished: true,
    reason: /no scanner became free/,
  })
  for (const { connections } of servers) t.equal(connections.length, PERMITS.small)
  hung.abort()
  await Promise.all(scans)
})

t.test('content that one server found clean is not shown to another', async (t) => {
  const answers = replyingWith('stream: OK\0')
  const servers = [await standIn(t, answers), await standIn(t, answers)]
  const CLAMD = servers.map(({ socket }) => socket).join(' ')
  const scanner = new ClamdScanner(clamdSettings(CLAMD))
  const letters = ['A', 'B', 'C', 'D']
  const scans = letters.map((letter) => {
    const part = `--b\n\n${letter.repeat(BATCH)}\n`
    const mail = `Content-Type: multipart/mixed; boundary=b\n\n${part}${part}--b--\n`
    const run = planOf([scanner], { settings: secondLook })
    return runScanners(sample(Buffer.from(mail)), run)
  })
  for (const { answer } of await Promise.all(scans)) t.equal(answer, 'clean')
  for (const letter of letters) {
    const seen = servers.map(({ asked }) =>
      asked.filter(({ message }) => message.includes(letter.repeat(BATCH))),
    )
    t.equal(seen.filter((questions) => questions.length > 0).length, 1, letter)
  }
  const wholes = servers.map(({ asked }) =>
    asked.filter(({ message }) => message.includes('multipart')),
  )
  const lengths = wholes.map(({ length }) => length)
  t.same(lengths, [2, 2])
})

t.test('a server whose queue of connections is full is asked when there is room', async (t) => {
  const server = await fullServer(t)
  const { task } = scanTask()
  const scanned = new ClamdScanner(clamdSettings(server.socket)).scan(small, task)
  setTimeout(server.goOn, 300)
  t.match(await scanned, { answer: 'clean' })
})

t.test('the reason names a server whose queue of connections stays full', async (t) => {
  const server = await fullServer(t)
  const { task, abort } = scanTask()
  const refused = nextRefusal()
  const scanned = new ClamdScanner(clamdSettings(server.socket)).scan(small, task)
  await refused
  abort()
  t.match(await scanned, {
    answer: 'unknown',
    reason: /its queue of connections is full \(temporarily unavailable\)$/,
  })
})

t.test('if the queue of one server is full, the next server is asked at once', async (t) => {
  const full = await fullServer(t)
  const second = await standIn(t, replyingWith('stream: OK\0'))
  const { answer, notes } = await scan(`${full.socket} ${second.socket}`, small)
  t.equal(answer.answer, 'clean')
  t.match(notes, [/its queue of connections is full/])
})

t.test('a message waits for a server that is being restarted', async (t) => {
  const removed = socketPath(t)
  const inRemovedDirectory = join(socketPath(t), 's')
  for (const path of [await leftSocket(t), removed, inRemovedDirectory]) {
    const { task } = scanTask()
    const refusal = nextRefusal()
    const scanned = new ClamdScanner(clamdSettings(path)).scan(small, task)
    await refusal
    const again = await standIn(t, replyingWith('stream: OK\0'))
    mkdirSync(dirname(path), { recursive: true })
    renameSync(again.socket, path)
    t.match(await scanned, { answer: 'clean' }, path)
  }
})

t.test('one message waits for a server that does not return, and later ones do not', async (t) => {
  const scanner = new ClamdScanner(clamdSettings(await leftSocket(t)))
  const first = await scanner.scan(small, scanTask(5 * RETRY_TIMEOUTS.away).task)
  t.match(first, {
    answer: 'unknown',
    cause: 'unreachable',
    reason: /cannot connect \(connection refused\); start clamd, or correct CLAMD/,
  })
  const later = scanTask(RETRY_TIMEOUTS.away / 2).task
  t.match(await scanner.scan(small, later), { answer: 'unknown' })
  t.notOk(later.signal.aborted)
})

t.test('a dead server is skipped if another one answers', async (t) => {
  const second = await standIn(t, replyingWith('stream: OK\0'))
  const scanner = new ClamdScanner(clamdSettings(`${await leftSocket(t)} ${second.socket}`))
  const { task, notes } = scanTask(RETRY_TIMEOUTS.away)
  t.match(await scanner.scan(small, task), { answer: 'clean' })
  t.match(await scanner.scan(small, task), { answer: 'clean' })
  t.match(notes, [/connection refused/], 'the second message was not even tried there')
  t.equal(notes.length, 1)
})

t.test('a hung server is asked last, even if the clock was set back meanwhile', async (t) => {
  const hung = await standIn(t, () => {})
  const second = await standIn(t, replyingWith('stream: OK\0'))
  const scanner = new ClamdScanner(clamdSettings(`${hung.socket} ${second.socket}`))
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  const { task } = scanTask(100)
  const scanned = scanner.scan(small, task)
  Date.now = () => now() - 3_600_000
  t.match(await scanned, {
    answer: 'unknown',
    cause: 'timeout',
    reason: /no answer within the time limit/,
  })
  t.match(await scanner.scan(small, scanTask().task), { answer: 'clean' })
  t.equal(hung.connections.length, 1)
})
