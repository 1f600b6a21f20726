import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { listen } from '../../../../programs/host/listen.ts'
import { outputOf } from '../../../../run/until.ts'
import { replyingWith, socketPath, standIn } from './stand-in.ts'
import { clamdSettings, sample, scan } from './task.ts'

const small = Buffer.from('From: a@example.org\nSubject: s\n\nHello\n')

t.test('its signatures are found by its clamd.conf, or by CLAMDBDIR', async (t) => {
  const from = (clamd: string, CLAMDBDIR = '', configFiles?: readonly string[]) => {
    const scanner = new ClamdScanner(clamdSettings(clamd, { CLAMDBDIR }), { configFiles })
    return scanner.cacheable!.loadsFrom!()
  }
  const socket = socketPath(t)
  const conf = `LocalSocket ${socket}\nDatabaseDirectory /srv/signatures\n`
  const file = join(t.testdir({ 'clamd.conf': conf }), 'clamd.conf')
  t.same(from(socket, '', [file]), ['/srv/signatures'])
  t.equal(from(socket), undefined)
  t.equal(from('127.0.0.1:1'), undefined)
  t.same(from(socket, '/srv'), [], 'the word of the administrator')
  t.same(from('192.0.2.1:3310'), [], 'another host')
  t.equal(from(`192.0.2.1:3310 ${socket}`), undefined)
})

t.test('no process named clamd determines the directory of signatures', async (t) => {
  const socket = socketPath(t)
  const conf = `LocalSocket ${socket}\nDatabaseDirectory /srv/signatures\n`
  const file = join(t.testdir({ 'clamd.conf': conf }), 'clamd.conf')
  const words = ['-e', 'console.log(process.argv0); setInterval(() => {}, 1000)', '--']
  const child = spawn(process.execPath, [...words, `--config-file=${file}`], { argv0: 'clamd' })
  t.teardown(() => child.kill())
  t.equal(await outputOf(child), 'clamd\n')
  t.equal(new ClamdScanner(clamdSettings(socket)).cacheable!.loadsFrom!(), undefined)
})

t.test('CLAMD without a usable address is a fault when the scanner is made', async (t) => {
  for (const clamd of [' ', 'clamd.sock', '/run/clamd localhost']) {
    t.throws(() => new ClamdScanner(clamdSettings(clamd)), { kind: 'config', message: /^CLAMD/ })
  }
})

t.test('the three answers are clean, infected and unknown', async (t) => {
  for (const [reply, answer] of [
    ['stream: OK\0', { answer: 'clean' }],
    ['stream: Eicar(44d8:68) FOUND\0', { answer: 'infected', name: 'Eicar' }],
    ['INSTREAM size limit exceeded. ERROR\0', { answer: 'unread', kind: 'size' }],
    ["stream: Can't allocate memory ERROR\0", { answer: 'unknown' }],
  ] as const) {
    const server = await standIn(t, replyingWith(reply))
    const { answer: result } = await scan(server.socket, sample(small))
    t.match(result, answer, reply.slice(0, 60))
    t.equal(server.asked.length, 1, 'asked once')
  }
})

t.test('a message over CLAMDMAXSIZE is not sent', async (t) => {
  const server = await standIn(t, replyingWith('stream: OK\0'))
  const limit = { CLAMDMAXSIZE: String(small.length) }
  t.equal((await scan(server.socket, sample(small), limit)).answer.answer, 'clean')
  const longer = sample(Buffer.concat([small, small.subarray(0, 1)]))
  t.match((await scan(server.socket, longer, limit)).answer, {
    answer: 'unread',
    kind: 'size',
    reason: `clamd: ${small.length + 1} bytes are more than CLAMDMAXSIZE ${small.length}`,
  })
  t.equal(server.asked.length, 1)
})

t.test('if no server can be reached, the answer has the reasons of all', async (t) => {
  const gone = socketPath(t)
  const { answer } = await scan(`${gone} localhost:1`, sample(small))
  t.match(answer, { answer: 'unknown' })
  const whys = (answer as { reason: string }).reason.split('; ')
  t.equal(whys[0], `clamd ${gone}: cannot connect (no such file or directory)`)
  t.equal(whys[1], 'clamd localhost:1: cannot connect (connection refused)')
  t.equal(whys[2], 'start clamd, or correct CLAMD (onescan check shows the details)')
})

// promise: rule-8-not-clean
t.test('a server that closes early is not an answer, and the next one is asked', async (t) => {
  const closes = await standIn(t, ({ connection }) => connection.destroy())
  const cuts = await standIn(t, replyingWith('stream: O'))
  for (const server of [closes, cuts]) {
    const { answer } = await scan(server.socket, sample(small))
    t.match(answer, { answer: 'unknown', reason: /closed|during its reply/ })
    t.equal(server.asked.length, 1, 'the same server is not asked again')
  }
  const finds = await standIn(t, replyingWith('stream: Eicar FOUND\0'))
  const { answer, notes } = await scan(`${closes.socket} ${finds.socket}`, sample(small))
  t.match(answer, { answer: 'infected', name: 'Eicar' })
  t.match(notes, [/closed the connection without a reply/])
})

t.test('a message that broke two servers is not given to a third one', async (t) => {
  const first = await standIn(t, ({ connection }) => connection.destroy())
  const second = await standIn(t, ({ connection }) => connection.destroy())
  const third = await standIn(t, replyingWith('stream: OK\0'))
  const all = `${first.socket} ${socketPath(t)} ${second.socket} ${third.socket}`
  t.equal((await scan(all, sample(small))).answer.answer, 'unknown')
  t.equal(second.asked.length, 1)
  t.equal(third.asked.length, 0)
})

t.test('an error of the first server is not an answer: the second one is asked', async (t) => {
  const fails = await standIn(t, replyingWith('stream: Time limit reached ERROR\0'))
  const second = await standIn(t, replyingWith('stream: OK\0'))
  const { answer } = await scan(`${fails.socket} ${second.socket}`, sample(small))
  t.match(answer, { answer: 'clean' })
  t.equal(second.asked.length, 1)
})

// promise: rule-8-not-clean
t.test('a server without sessions is not a clamd: its result is unknown', async (t) => {
  const path = socketPath(t)
  const server = createServer((connection) => {
    connection.on('data', () => connection.end('UNKNOWN COMMAND\0'))
  })
  await listen(t, server, path)
  const { answer } = await scan(path, sample(small))
  t.match(answer, { answer: 'unknown', reason: /answered another request/ })
})
