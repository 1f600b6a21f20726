import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks, programPath } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { startServer } from '../../../programs/host/server.ts'
import { until } from '../../../run/until.ts'
import { startOnescand } from '../../daemon/process.ts'
import { systemdEar } from '../../daemon/systemd-ear.ts'
import { clean, openBetween } from './between.ts'
import { callDoor } from './client.ts'

/** onescand is stopped, at each step of a message: no client receives another reply than the next server's. */

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  for (const [at, answer] of [
    ['MAIL', '250 2.1.0 go on'],
    ['RCPT', '250 2.1.0 go on'],
    ['DATA', '354 go on'],
  ] as const) {
    t.test(`${name}: a stop before the answer to ${at} passes nothing on`, async (t) => {
      const { next, door } = await openBetween(t, { isLmtp })
      const asked = next.asked(at)
      const client = await door.greeted()
      client.write('MAIL FROM:<a@b.example>\r\n')
      if (at !== 'MAIL') {
        await client.hear()
        client.write('RCPT TO:<b@b.example>\r\n')
      }
      if (at === 'DATA') {
        await client.hear()
        await client.command('DATA')
        client.write(`${clean}.\r\n`)
      }
      const socket = await asked
      const closed = door.close(0)
      t.match(await client.rest(), [/^421 4\.3\.2 onescand is stopping/])
      socket.write(`${answer}\r\n`)
      await closed
      t.equal(next.got.length, 0)
      if (at === 'DATA') t.match(door.mailLog, [/decision=defer fault=read .*reply=421 /])
    })
  }

  t.test(`${name}: a stop during a scan passes nothing on`, async (t) => {
    let goOn = () => {}
    const scanning = new Promise<void>((begun) => {
      t.context = { begun }
    })
    const { next, door } = await openBetween(t, {
      isLmtp,
      scan: () => {
        t.context.begun()
        return new Promise((resolve) => {
          goOn = () => resolve({ answer: 'clean' })
        })
      },
    })
    const client = await door.sent(clean)
    await scanning
    const closed = door.close(0)
    t.match(await client.rest(), [/^421 4\.3\.2 onescand is stopping/])
    goOn()
    await closed
    t.equal(next.got.length, 0)
    t.match(door.mailLog, [/decision=defer fault=read .*reply=421 /])
  })

  for (const code of [250, 450, 550]) {
    t.test(`${name}: a client whose message was passed on receives ${code}`, async (t) => {
      const { next, door } = await openBetween(t, { isLmtp })
      const asked = next.asked('.')
      const client = await door.sent(clean)
      const socket = await asked
      const closed = door.close(0)
      const waits = `${name.toLowerCase()}: waiting for the replies of the next server to 1 messages`
      await until(() => door.log.includes(waits), 'those without an answer are dismissed')
      socket.write(`${code} 2.0.0 from behind\r\n`)
      t.match(await client.rest(), [`${code} 2.0.0 from behind`, /^421 /])
      await closed
      t.match(door.mailLog, [new RegExp(`reply=${code} `)])
    })

    t.test(`${name}: a client that left receives nothing, and the log has ${code}`, async (t) => {
      const { next, door } = await openBetween(t, { isLmtp })
      const asked = next.asked('.')
      const client = await door.sent(clean)
      const socket = await asked
      client.socket.end()
      t.same(await client.rest(), [])
      const closed = door.close(0)
      socket.write(`${code} 2.0.0 from behind\r\n`)
      await closed
      t.match(door.mailLog, [new RegExp(`reply=unsent next="${code} 2\\.0\\.0 from behind" `)])
    })
  }
}

t.test('LMTP: all recipients are answered', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp: true })
  const asked = next.asked('.', '250 2.0.0 the first has it')
  const client = await door.sent(clean, 'b@b.example', 'c@b.example')
  const socket = await asked
  t.equal(await client.hear(), '250 2.0.0 the first has it')
  const closed = door.close(0)
  await until(() => door.log.length > 0, 'those without an answer are dismissed')
  socket.write('452 4.2.2 the second is full\r\n')
  t.match(await client.rest(), ['452 4.2.2 the second is full', /^421 /])
  await closed
})

t.test('LMTP: a client that leaves in between has received the first reply alone', async (t) => {
  const { next, door, over } = await openBetween(t, { isLmtp: true })
  const asked = next.asked('.', '250 2.0.0 the first has it')
  const client = await door.sent(clean, 'b@b.example', 'c@b.example')
  const socket = await asked
  t.equal(await client.hear(), '250 2.0.0 the first has it')
  client.socket.end()
  t.same(await client.rest(), [])
  socket.write('250 2.0.0 the second has it\r\n')
  await over()
  t.match(door.mailLog, [
    /decision=accept .*reply=250 .*to=<b@b\.example> rcpts=1/,
    /answered=recipients reply=250 rcpt=<b@b\.example>/,
    /decision=accept .*reply=unsent next="250 2\.0\.0 the second has it" .*to=<c@b\.example> rcpts=1/,
    /answered=recipients reply=unsent rcpt=<c@b\.example>/,
  ])
})

/** Seconds for which smtp-sink keeps its answer to a message: longer than a worker has that need not answer. */
const SILENT = 4
const LINES = ['EHLO x', 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>', 'DATA']
/** Clients that are at each step of a message: how many of these lines were answered. */
const AT_EACH = 4

t.test(
  'SIGTERM at each step: mail is passed on exactly if its acceptance was sent',
  { skip: lacks('smtp-sink') },
  async (t) => {
    const directory = openDirectory(t)
    chmodSync(directory, 0o777)
    const [nextPort, port] = [await freePort(), await freePort()]
    const dump = join(directory, 'dump')
    const account = process.getuid!() === 0 ? ['-u', 'nobody'] : []
    const words = [...account, '-W', `.:${SILENT}`, '-D', dump, `127.0.0.1:${nextPort}`, '100']
    const behind = await startServer([programPath('smtp-sink'), ...words], {
      host: '127.0.0.1',
      port: nextPort,
    })
    t.teardown(() => behind.stop())
    const doors = ['--smtp', `inet:${port}@127.0.0.1`, '--next', `inet:${nextPort}@127.0.0.1`]
    const systemd = await systemdEar(t)
    const onescand = await startOnescand(t, {
      args: ['--grace', '0', ...doors],
      settings: { QHPSI: 'plugin: eicar', NOTIFY_SOCKET: systemd.path },
    })
    const isTaken = (n: number) => {
      return existsSync(dump) && readFileSync(dump, 'latin1').includes(`Subject: message ${n}.`)
    }
    const clients = await Promise.all(
      Array.from({ length: AT_EACH * (LINES.length + 2) }, async (_, n) => {
        const client = await callDoor(port)
        await client.hear()
        const answered = Math.floor(n / AT_EACH)
        await client.command(...LINES.slice(0, answered))
        const content = `Subject: message ${n}.\r\n\r\nHello\r\n`
        if (answered >= LINES.length) client.write(content)
        return { n, client }
      }),
    )
    const whole = clients.slice(-AT_EACH)
    for (const { client } of whole) client.write('.\r\n')
    await until(() => whole.every(({ n }) => isTaken(n)), 'the last ones are behind')
    onescand.child.kill('SIGTERM')
    for (const { n, client } of clients) {
      const replies = await client.rest()
      t.equal(/^250 /.test(replies[0] ?? ''), isTaken(n), `${n}: ${replies.join(', ')}`)
      t.match(replies.at(-1), /^421 4\.3\.2 /)
    }
    t.equal(await onescand.ended, 0)
    const reported = onescand.log.filter((line) => / reply=250 /.test(line))
    t.equal(reported.length, AT_EACH)
    t.match(systemd.received(), /EXTEND_TIMEOUT_USEC=[0-9]+/)
  },
)
