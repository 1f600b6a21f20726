import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { LoopWatch } from '../../../src/doors/smtp/next-server/loops.ts'
import { freePort } from '../../programs/free-port.ts'
import { startNext } from './next-server.ts'
import { openDoor, sendThrough } from './rig.ts'

/** Next servers that lead back to the door; Postfix as one is in test/programs/smtp-loops.test.ts. */

const settings = { QHPSI: 'plugin: eicar' }

/** Forwards all connections at a port to another port, which is named later. */
async function startForward(t: { teardown(stop: () => unknown): void }) {
  let calls = 0
  const led = { port: 0, to: 0, calls: () => calls }
  const server = createServer((socket) => {
    calls++
    const other = connect({ host: '127.0.0.1', port: led.to })
    for (const end of [socket, other]) end.on('error', () => {})
    socket.pipe(other).pipe(socket)
  })
  led.port = await freePort()
  server.listen(led.port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return led
}

for (const lmtp of [false, true]) {
  t.test(
    `a next server that leads back to the door is found, by ${lmtp ? 'LMTP' : 'SMTP'}`,
    async (t) => {
      const forward = await startForward(t)
      const door = await openDoor(t, forward.port, { settings, lmtp })
      forward.to = door.port
      const client = await door.call()
      t.match(await client.say(`${lmtp ? 'LHLO' : 'EHLO'} client.example.org`), /^250 /)
      t.equal(
        await client.say('MAIL FROM:<ann@example.net>'),
        '451 4.4.6 mail goes round: the next mail server leads back to this filter',
      )
      t.ok(forward.calls() < 100, `${forward.calls()} connections`)
      const complaint =
        'the next server leads back to this filter: mail would go round, and is deferred'
      t.same(door.log, [`${lmtp ? 'lmtp' : 'smtp'}: ${complaint}`])
      await client.close()
    },
  )
}

t.test('two doors that lead to each other are found', async (t) => {
  const forward = await startForward(t)
  const first = await openDoor(t, forward.port, { settings })
  const second = await openDoor(t, first.port, { settings })
  forward.to = second.port
  const client = await first.call()
  await client.say('EHLO client.example.org')
  t.match(await client.say('MAIL FROM:<ann@example.net>'), /^451 4\.4\.6 /)
  await client.close()
  t.ok(forward.calls() < 100, `${forward.calls()} connections`)
})

t.test('much mail of one sender at once makes the door ask once, and passes', async (t) => {
  let go = () => {}
  const next = await startNext(t)
  const waiting = new Promise<void>((resolve) => {
    go = resolve
  })
  let begun = 0
  next.script = (verb, line, socket) => {
    if (verb !== 'MAIL' || line.includes('onescan-loop-')) return undefined
    begun++
    if (begun === 20) go()
    void waiting.then(() => socket.write('250 2.1.0 late\r\n'))
    return 'silence'
  }
  const door = await openDoor(t, next.port, { settings })
  const replies = Array.from({ length: 20 }, () => sendThrough(door, 'Subject: x\r\n\r\nhello\r\n'))
  for (const reply of await Promise.all(replies)) t.match(reply, /^250 /)
  const asked = next.commands.filter((line) => line.startsWith('MAIL FROM:<onescan-loop-'))
  t.equal(asked.length, 1)
  t.same(door.log, [])
})

t.test('a sender with a name like that of the question is mail', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings })
  const sender = `onescan-loop-${'0'.repeat(32)}@localhost`
  const sent = sendThrough(door, 'Subject: x\r\n\r\nhello\r\n', ['ben@example.org'], sender)
  t.match(await sent, /^250 /)
})

t.test(
  'a question that was read from a log proves nothing later, because each has its own name',
  async (t) => {
    const asked: string[] = []
    let time = 0
    const next = { ask: async (line: string | Buffer) => void asked.push(`${line}`), close() {} }
    const watch = new LoopWatch({
      lmtp: false,
      callNext: async () => next as never,
      complain: () => t.fail('nothing goes round'),
      uptime: () => time,
    })
    const words = 'MAIL FROM:<ann@example.net>'
    const askOnce = async () => {
      await Promise.all(
        [1, 2, 3].map(() =>
          watch.whileWaiting(Buffer.from(words), () => new Promise(setImmediate)),
        ),
      )
      return asked.splice(0)[0]!
    }
    const former = await askOnce()
    time = 60_001
    t.notOk(watch.isOwnQuestion(Buffer.from(former)), 'after the minute for which it counts')
    const latter = await askOnce()
    t.not(latter, former)
    t.notOk(watch.isOwnQuestion(Buffer.from(former)), 'while another question counts')
    t.notOk(watch.isFound)
  },
)

t.test('the same message of one client twice at once is a loop', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings })
  const begin = async (forward: string | undefined, to = 'ben@example.org') => {
    const client = await door.call()
    await client.say('EHLO client.example.org')
    if (forward !== undefined) await client.say(`XFORWARD ${forward}`)
    await client.say('MAIL FROM:<ann@example.net>')
    await client.say(`RCPT TO:<${to}>`)
    return { client, reply: await client.say('DATA') }
  }
  const attributes = 'ADDR=192.0.2.7 PORT=4711'
  const first = await begin(attributes)
  t.match(first.reply, /^354/)
  t.match(
    (await begin(attributes)).reply,
    /^451 4\.4\.6 /,
    'one connection has one message at a time',
  )
  t.match((await begin('ADDR=192.0.2.7 PORT=4712')).reply, /^354/)
  t.match((await begin(attributes, 'cem@example.org')).reply, /^354/, 'a queue file goes in parts')
  t.match((await begin('ADDR=192.0.2.7')).reply, /^354/, 'this says nothing of the connection')
  t.match((await begin('ADDR=192.0.2.7')).reply, /^354/)
  t.match((await begin(undefined)).reply, /^354/)
  first.client.write('Subject: x\r\n\r\nhello\r\n.\r\n')
  t.match(await first.client.hear(), /^250 /)
  const second = await begin(attributes)
  t.match(second.reply, /^354/, 'once it is answered, another one may come')
  await second.client.close()
  while (door.state().clients > 7) await new Promise(setImmediate)
  t.match((await begin(attributes)).reply, /^354/, 'and once its client has left')
})

t.test('50 Received fields are too many hops, except after the queue', async (t) => {
  const next = await startNext(t)
  const round = (count: number) => `${'Received: x\r\n'.repeat(count)}Subject: x\r\n\r\nhello\r\n`
  const door = await openDoor(t, next.port, { settings })
  t.match(await sendThrough(door, round(49)), /^250 /)
  t.equal(
    await sendThrough(door, round(50)),
    '550 5.4.6 too many hops: 50 Received fields, a mail loop',
  )
  t.match(door.mailLog.at(-1), /decision=reject .*grounds=too-many-hops /)
  const after = await openDoor(t, next.port, { settings, afterQueue: true })
  t.match(await sendThrough(after, round(50)), /^250 /, 'the server behind says so')
})
