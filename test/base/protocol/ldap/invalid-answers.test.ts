import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t, { type Test } from 'tap'
import { LdapDirectory } from '../../../../src/base/protocol/ldap/ldap-directory.ts'
import { readLdapSettings } from '../../../../src/base/protocol/ldap/ldap-settings.ts'
import { MessageStream } from '../../../../src/base/protocol/ldap/message-stream.ts'
import {
  type Answer,
  claiming,
  element,
  entry,
  found,
  message,
  number,
  type Request,
  result,
  sequence,
  startScriptedDirectory,
  text,
} from './scripted-directory.ts'

/**
 * Directories that send something other than an answer. Each ends its own request, or its
 * connection, and nothing else: the look-up of the user fails, and the next request is sent.
 */

const HOST = 'mx.example.org'
/** A length of 2 GiB, less one byte: the largest that a signed number of 32 bits has. */
const HUGE = 2 ** 31 - 1

const user = (name: string) => ({ name, local: name, domain: '' })

const notLdap = /sent data that is not LDAP/
const tooMuch = /sent too much for one request/
const notAsked = /sent an unexpected answer/

/** What a directory sends to a search, by the reason for which it is not believed. */
const invalidAnswers: readonly (readonly [
  reason: RegExp,
  answers: Readonly<Record<string, (id: number) => Buffer>>,
])[] = [
  [
    notAsked,
    {
      'thousands of answers to nobody in one read': () => repeated(message(0x7f, element(0x65))),
    },
  ],
  [
    notLdap,
    {
      'thousands of empty messages in one read': () => repeated(sequence()),
      'an attribute whose values are two gigabytes long': (id) =>
        entryWith(id, sequence(text('mailHost'), claiming(0x31, HUGE, text(HOST)))),
      'an attribute of two gigabytes': (id) =>
        entryWith(id, claiming(0x30, HUGE, text('mailHost'))),
      'a list of attributes of two gigabytes': (id) =>
        message(id, element(0x64, text('cn=x'), claiming(0x30, HUGE))),
      'a list of attributes of two gigabytes in the place of a string': (id) =>
        message(id, element(0x64, text('cn=x'), claiming(0x04, HUGE))),
      'a reference of two gigabytes': (id) => message(id, element(0x73, claiming(0x04, HUGE))),
      'an operation of two gigabytes': (id) => message(id, claiming(0x64, HUGE, text('cn=x'))),
      'an entry of a name alone': (id) => message(id, element(0x64, text('cn=x'))),
      'an attribute whose values are no set': (id) =>
        entryWith(id, sequence(text('mailHost'), sequence(text(HOST)))),
      'a value that is half of one': (id) =>
        entryWith(id, sequence(text('mailHost'), element(0x31, Buffer.from([0x04, 0x84])))),
      'a result with half of a control in it': (id) =>
        message(id, result(0x65, 0, element(0xa0, Buffer.from([0x30, 0x84])))),
      'a result with controls in it': (id) =>
        message(id, result(0x65, 0, element(0xa0, claiming(0x30, HUGE)))),
      'a result without its values': (id) => message(id, element(0x65)),
      'a length without an end': () => Buffer.from([0x30, 0x80, 0, 0]),
      'a length of seven bytes': () => Buffer.from([0x30, 0x87, 0, 0, 0, 0, 0, 0, 1, 0]),
      'a number of nine bytes in the place of the id': () =>
        sequence(element(0x02, Buffer.alloc(9)), result(0x65, 0)),
      'the answer of another operation': (id) => message(id, result(0x69, 0)),
      HTTP: () => Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
      'a result without a code': (id) =>
        message(id, element(0x65, element(0x0a), text(''), text(''))),
    },
  ],
  [
    tooMuch,
    {
      'thousands of entries for one question': (id) =>
        Buffer.concat(Array(5).fill(repeated(entry(id, { mailHost: HOST })))),
      'a message of two gigabytes': () => claiming(0x30, HUGE, Buffer.alloc(1024 * 1024)),
      'a message that is a little longer than the longest': (id) =>
        entry(id, { mailHost: HOST, photo: 'x'.repeat(256 * 1024) }),
    },
  ],
  [
    /Expected 0x4: got 0x2/,
    {
      'a value that is a number': (id) =>
        entryWith(id, sequence(text('mailHost'), element(0x31, number(1)))),
      'a reference that is a number': (id) => message(id, element(0x73, number(1))),
    },
  ],
  [
    /the directory closed the connection/,
    {
      'that it ends the connection, and stays': () => message(0, result(0x78, 52)),
    },
  ],
]

for (const [reason, answers] of invalidAnswers) {
  for (const [name, sends] of Object.entries(answers)) {
    t.test(`a directory that sends ${name} is not believed`, async (t) => {
      let isInvalid = true
      const server = await startScriptedDirectory(
        t,
        toSearches(({ id }, socket) => {
          if (isInvalid) socket.write(sends(id))
          else answer(id, socket)
        }),
      )
      const clock = { uptime: 0 }
      const directory = open(t, server.url, clock)
      t.match(await directory.find(user('ann')), { kind: 'trouble', reason })
      t.match(
        await directory.find(user('ben')),
        { kind: 'trouble', reason },
        'and it is backed off',
      )
      isInvalid = false
      clock.uptime = 5000
      t.match(await directory.find(user('ann')), { kind: 'entry', backend: HOST })
    })
  }
}

t.test('an answer before the question ends the connection', async (t) => {
  const server = await startScriptedDirectory(
    t,
    toSearches(({ id }, socket) => answer(id, socket)),
    (socket) => socket.write(found(7)),
  )
  const directory = open(t, server.url)
  t.match(await directory.find(user('ann')), { kind: 'trouble', reason: notAsked })
})

t.test('the answer to a bind is read with the same care', async (t) => {
  const server = await startScriptedDirectory(t, ({ id, asks }, socket) => {
    if (asks === 'bind') socket.write(message(id, result(0x61, 0, claiming(0x87, HUGE))))
  })
  const bind = { QUOTALDAPBIND: 'cn=x', QUOTALDAPPASSWORD: passwordFile(t) }
  const directory = open(t, server.url, { uptime: 0 }, bind)
  t.match(await directory.find(user('ann')), { kind: 'trouble', reason: notLdap })
})

t.test('a bind is not answered by the end of a search, nor a search by a bind', async (t) => {
  for (const wrong of ['bind', 'search'] as const) {
    const server = await startScriptedDirectory(t, ({ id, asks }, socket) => {
      const tag = (asks === 'bind') === (asks === wrong) ? 0x65 : 0x61
      if (asks !== 'unbind') socket.write(message(id, result(tag, 0)))
    })
    const directory = open(t, server.url)
    t.match(await directory.find(user('ann')), { kind: 'trouble', reason: notLdap }, wrong)
  }
})

t.test('permitted messages of a directory are accepted, in any split', async (t) => {
  const control = element(0xa0, sequence(text('1.2.3'), text('x')))
  const reference = (id: number) => message(id, element(0x73, text('ldap://other/')))
  const answers: Record<string, (id: number) => Buffer[]> = {
    'an entry': (id) => [entry(id, { mailHost: HOST }), found(id)],
    'attributes that nobody asked for': (id) => [
      entry(id, { cn: 'x', photo: 'x'.repeat(70_000), mailHost: HOST, empty: '' }),
      found(id),
    ],
    references: (id) => [reference(id), entry(id, { mailHost: HOST }), reference(id), found(id)],
    controls: (id) => [
      sequence(entry(id, { mailHost: HOST }).subarray(2), control),
      message(id, result(0x65, 0), control),
    ],
    'referrals of a result': (id) => [
      entry(id, { mailHost: HOST }),
      message(id, result(0x65, 0, element(0xa3, text('ldap://other/')))),
    ],
    'what a later version of LDAP may add': (id) => [
      entry(id, { mailHost: HOST }),
      message(id, result(0x65, 0, element(0x99, text('x'))), element(0x9a, text('y'))),
    ],
    'controls that are none': (id) => [
      entry(id, { mailHost: HOST }),
      message(id, result(0x65, 0), element(0xa0, Buffer.from([0x30, 0x84]))),
    ],
    'lengths in more bytes than they need': (id) => {
      const bytes = entry(id, { mailHost: HOST }).subarray(2)
      return [claiming(0x30, bytes.length, bytes), found(id)]
    },
  }
  for (const [what, sends] of Object.entries(answers)) {
    for (const pieces of ['whole', 'in bytes']) {
      const server = await startScriptedDirectory(
        t,
        toSearches(async ({ id }, socket) => {
          const bytes = Buffer.concat(sends(id))
          if (pieces === 'whole') socket.write(bytes)
          else for (const byte of bytes.subarray(0, 300)) await written(socket, Buffer.from([byte]))
          if (pieces !== 'whole') socket.write(bytes.subarray(300))
        }),
      )
      const directory = open(t, server.url)
      const asked = await directory.find(user('ann'))
      t.match(asked, { kind: 'entry', backend: HOST }, `${what}, ${pieces}`)
    }
  }
})

t.test('messages are the same wherever the stream is cut', async (t) => {
  const id = 1
  const inner = entry(id, { mailHost: 'x'.repeat(160) }).subarray(3)
  const long = claiming(0x30, inner.length, inner)
  const bytes = Buffer.concat([entry(id, { mailHost: HOST }), long, found(id)])
  const whole = await messagesOf([bytes])
  t.equal(whole.length, 4)
  t.equal(whole.at(-1), 'the connection was closed')
  for (let at = 1; at < bytes.length; at++) {
    const cut = await messagesOf([bytes.subarray(0, at), bytes.subarray(at)])
    t.strictSame(cut, whole, `at ${at}`)
  }
})

t.test('a slow directory receives at most fifty searches, and delays no caller', async (t) => {
  const held: (() => void)[] = []
  let isSlow = true
  let searches = 0
  const server = await startScriptedDirectory(
    t,
    toSearches(({ id }, socket) => {
      searches++
      if (isSlow) held.push(() => answer(id, socket))
      else answer(id, socket)
    }),
  )
  const directory = open(t, server.url, { uptime: 0 }, {}, 50)
  const ask = (number: number) => directory.find(user(`user${number}`))
  t.match(await ask(0), { kind: 'trouble', reason: /no answer in 50 ms/ })
  for (let number = 0; number < 60; number++) {
    t.match(await ask(number), { kind: 'trouble', reason: /does not answer/ })
  }
  while (searches < 50) await new Promise(setImmediate)
  isSlow = false
  for (const answerNow of held) answerNow()
  while ((await ask(49)).kind !== 'entry') await new Promise(setImmediate)
  t.match(await ask(0), { kind: 'entry' })
  t.equal(searches, 50, 'about others it was not asked')
  t.match(await ask(50), { kind: 'entry' })
  t.equal(searches, 51)
})

t.test('questions share a connection, which is replaced once if it is closed', async (t) => {
  let binds = 0
  let closes = false
  let last: Socket | undefined
  const server = await startScriptedDirectory(t, ({ id, asks }, socket) => {
    last = socket
    if (asks === 'bind') binds++
    if (asks === 'bind') socket.write(message(id, result(0x61, 0)))
    else if (closes) socket.destroy()
    else answer(id, socket)
  })
  const directory = open(t, server.url)
  for (const name of ['ann', 'ben']) t.match(await directory.find(user(name)), { kind: 'entry' })
  t.same([binds, server.accepted()], [1, 1])
  last!.destroy() // while it is idle
  t.match(await directory.find(user('carl')), { kind: 'entry' })
  t.same([binds, server.accepted()], [2, 2])
  closes = true
  t.match(await directory.find(user('dan')), { kind: 'trouble' })
  t.same([binds, server.accepted()], [3, 3], 'once')
})

t.test('an entry is cached for a minute', async (t) => {
  let searches = 0
  const server = await startScriptedDirectory(
    t,
    toSearches(({ id }, socket) => {
      searches++
      answer(id, socket)
    }),
  )
  const clock = { uptime: 0 }
  const directory = open(t, server.url, clock)
  for (const [uptime, asked] of [
    [0, 1],
    [59_999, 1],
    [60_000, 2],
  ] as const) {
    clock.uptime = uptime
    t.match(await directory.find(user('ann')), { kind: 'entry' })
    t.equal(searches, asked, `at ${uptime}`)
  }
  t.equal(directory.find(user('ben')), directory.find(user('ben')), 'two at once are one')
})

/** The messages that come out of a connection on which these pieces answer a search. */
async function messagesOf(pieces: readonly Buffer[]): Promise<string[]> {
  const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() })
  const stream = new MessageStream(socket as Socket)
  stream.write(message(1, element(0x63)))
  for (const piece of [...pieces, null]) socket.push(piece)
  const messages: string[] = []
  stream.on('data', (bytes: Buffer) => messages.push(bytes.toString('hex')))
  const [error] = await once(stream, 'error')
  return [...messages, error.message]
}

function open(
  t: Test,
  url: string,
  clock = { uptime: 0 },
  env: Readonly<Record<string, string>> = {},
  timeout = 60_000,
): LdapDirectory {
  const settings = readLdapSettings({ QUOTALDAPURL: url, ...env })!
  const directory = new LdapDirectory(settings, {
    uptime: () => clock.uptime,
    timeout,
    remembered: 100,
  })
  t.teardown(() => directory.close())
  return directory
}

/** Accepts every bind, and answers each search. */
function toSearches(reply: Answer): Answer {
  return (request, socket) => {
    if (request.asks === 'bind') socket.write(message(request.id, result(0x61, 0)))
    if (request.asks === 'search') reply(request, socket)
  }
}

function answer(id: Request['id'], socket: Socket): void {
  socket.write(Buffer.concat([entry(id, { mailHost: HOST }), found(id)]))
}

function entryWith(id: number, attribute: Buffer): Buffer {
  return message(id, element(0x64, text('cn=x'), sequence(attribute)))
}

/** As often as it fits into a read. */
function repeated(bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.floor(65_536 / bytes.length) }, () => bytes))
}

function passwordFile(t: Test): string {
  const file = `${t.testdir({ password: 'secret' })}/password`
  chmodSync(file, 0o600)
  return file
}

/** Writes, and resolves when the bytes are with the kernel. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  socket.setNoDelay()
  return new Promise((resolve) => socket.write(bytes, () => resolve()))
}
