import { once } from 'node:events'
import { readFileSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  greetedBy,
  greeting,
  isListening,
  listenerAt,
  listenersOfHost,
  strangerAtPort,
} from '../../../../src/scanner/cli/host/open-ports.ts'
import { lacks } from '../../../needs.mjs'
import { listen } from '../../../programs/host/listen.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'

/** The servers of a host that `onescan check --mail` finds in addition to those on the usual ports. */

const line = (address: string, port: number, state = '0A') => {
  const digits = port.toString(16).toUpperCase().padStart(4, '0')
  return `   0: ${address}:${digits} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 1`
}

const zeros = '0'.repeat(32)

for (const [name, table, wanted] of [
  ['on each address', line('00000000', 2525), ['127.0.0.1', 2525, true]],
  ['on one address', line('0A0200C0', 25), ['192.0.2.10', 25, false]],
  ['on each IPv6 address', line(zeros, 2525), ['::1', 2525, true]],
  ['on one IPv6 address', line('B80D0120000000000000000001000000', 26), ['2001:db8::1', 26, false]],
  [
    'on an IPv4 address in IPv6 form',
    line('0000000000000000FFFF00000A0200C0', 27),
    ['192.0.2.10', 27, false],
  ],
  ['on the loopback address alone', line('0100007F', 10026), undefined],
  [
    'on the IPv6 loopback address alone',
    line('00000000000000000000000001000000', 10026),
    undefined,
  ],
  ['on the loopback address in IPv6 form', line('0000000000000000FFFF00000100007F', 28), undefined],
  ['no more, since it is a connection', line('00000000', 2525, '01'), undefined],
] as const) {
  t.test(`a server ${name}`, async (t) => {
    const found = listenersOfHost([`  sl  local_address rem_address   st\n${table}\n`])
    const wantedOnes = wanted && [{ host: wanted[0], port: wanted[1], isEverywhere: wanted[2] }]
    t.same(found, wantedOnes ?? [])
  })
}

t.test('a port is listed once, whatever the number of its sockets', async (t) => {
  const found = listenersOfHost([line('00000000', 25), `${line(zeros, 25)}\n${line(zeros, 26)}`])
  t.same(
    found.map(({ host, port }) => `${host} ${port}`),
    ['127.0.0.1 25', '::1 26'],
  )
})

for (const [name, table, wanted] of [
  ['on the loopback address', line('0100007F', 6666), true],
  ['on each address', line(zeros, 6666), true],
  ['on another address alone', line('0A0200C0', 6666), false],
  ['on another port', line('0100007F', 6667), false],
  ['no more, since it is a connection', line('0100007F', 6666, '01'), false],
] as const) {
  t.test(`a port of the loopback address is listening or not: ${name}`, async (t) => {
    t.equal(isListening(6666, [table]), wanted)
  })
}

/** Starts a server that sends this to each client, and resolves to its port. */
function startGreeting(t: Test, text: string, host: string): Promise<number> {
  return listen(
    t,
    createServer((socket) => socket.end(text)),
    { host },
  )
}

t.test('those that greet as SMTP servers do are found on this host', async (t) => {
  const smtp = await startGreeting(t, '220 mx.example.org ESMTP\r\n', '0.0.0.0')
  const slow = await startGreeting(t, '220-wait\r\n', '0.0.0.0')
  const imap = await startGreeting(t, '* OK ready\r\n', '0.0.0.0')
  const mute = await startGreeting(t, '', '0.0.0.0')
  const back = await startGreeting(t, '220 mx.example.org ESMTP\r\n', '127.0.0.1')
  const ours = [smtp, slow, imap, mute, back]
  const listeners = listenersOfHost().filter(({ port }) => ours.includes(port))
  t.same(new Set(listeners.map(({ port }) => port)), new Set([smtp, slow, imap, mute]))
  const greet = await greeting(listeners)
  t.same(new Set(greet.map(({ port }) => port)), new Set([smtp, slow]))
  t.equal(await greetedBy({ host: '127.0.0.1', port: smtp }), 'mx.example.org')
  t.equal(await greetedBy({ host: '127.0.0.1', port: imap }), undefined)
})

// promise: root-process-name
t.test(
  'a socket with a misleading name is not mistaken for a listening one',
  { skip: lacks('the addon') },
  async (t) => {
    const directory = openDirectory(t)
    // Short, since the name of a socket that contains it has at most 107 bytes (unix(7)).
    const [path, dead] = [join(directory, 'milter.sock'), join(directory, 'd')]
    t.equal(listenerAt(dead), undefined, 'none is there')
    const server = createServer()
    await listen(t, server, path)
    t.match(listenerAt(path), { pid: process.pid, uid: process.getuid!() })
    renameSync(path, dead)
    server.close()
    await once(server, 'close')
    const row = `0000000000000000: 00000002 00000000 00010000 0001 01 12345 ${dead}`
    await listen(t, createServer(), `\0\n${row}\n`)
    t.match(readFileSync('/proc/net/unix', 'latin1'), `\n${row}\n`)
    t.equal(listenerAt(dead), 'nobody')
  },
)

t.test('a process that listens at a port, unless it is one of those that should', async (t) => {
  const port = await listen(t, createServer())
  const at = (host: string, isOwn: (pid: number) => boolean) =>
    strangerAtPort({ host, port }, ({ pid }) => isOwn(pid))
  t.match(
    at('127.0.0.1', () => false),
    { pid: process.pid, uid: process.getuid!() },
  )
  t.equal(
    at('127.0.0.1', (pid) => pid === process.pid),
    undefined,
  )
  t.equal(
    at('192.0.2.1', () => false),
    undefined,
    'at another address',
  )
})
