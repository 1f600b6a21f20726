import type { Socket } from 'node:net'
import t from 'tap'
import { defaultTimeouts } from '../../../src/doors/smtp/client/connection.ts'
import { createRandom } from '../../bench/readers/random.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import type { Client } from './client.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'

/**
 * Clients that close their side, or the whole connection, at any point of a message: nothing is lost,
 * delivered twice, or answered 250 without being delivered.
 */

type Leaving = 'half-closes' | 'closes' | 'resets'

function leave({ socket }: Client, how: Leaving): void {
  if (how === 'half-closes') socket.end()
  else if (how === 'closes') socket.destroy()
  else socket.resetAndDestroy()
}

for (const lmtp of [false, true]) {
  const name = lmtp ? 'LMTP' : 'SMTP'
  const greeting = lmtp ? 'LHLO x' : 'EHLO x'

  t.test(
    `${name}: a client that says all at once and closes its side gets all answers`,
    async (t) => {
      const stage = buildStage(t)
      const next = await startNext(t, { lmtp })
      const door = await openDoor(t, next.port, { settings: { QHPSI: stage.scanner }, lmtp })
      const client = await door.call()
      await client.say(greeting)
      await client.say('MAIL FROM:<a@b.example>')
      await client.say('RCPT TO:<b@b.example>')
      await client.say('RCPT TO:<c@b.example>')
      await client.say('DATA')
      client.write('Subject: x\r\n\r\nhello\r\n.\r\nNOOP\r\nQUIT\r\n')
      client.socket.end()
      const taken = lmtp ? [/^250 .*<b@/, /^250 .*<c@/] : [/^250 2\.0\.0 next queued/]
      t.match(await client.rest(), [...taken, /^250 /, /^221 /])
      t.equal(next.got.length, 1)
    },
  )

  t.test(
    `${name}: a client that leaves at any byte of the content leaves no message`,
    async (t) => {
      const stage = buildStage(t)
      const next = await startNext(t, { lmtp })
      const door = await openDoor(t, next.port, { settings: { QHPSI: stage.scanner }, lmtp })
      const content = 'Subject: x\r\n\r\n.. dots\r\n.\r\n'
      for (const how of ['half-closes', 'closes', 'resets'] as const) {
        for (let at = 0; at < content.length; at++) {
          const client = await door.call()
          await client.say(greeting)
          await client.say('MAIL FROM:<a@b.example>')
          await client.say('RCPT TO:<b@b.example>')
          await client.say('DATA')
          client.write(content.slice(0, at))
          leave(client, how)
          for (const reply of await client.rest()) t.notMatch(reply, /^2/, `${how} at ${at}`)
        }
      }
      while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
      t.equal(next.got.length, 0)
    },
  )

  /** Plays a client up to the end of a message for these recipients. */
  async function sendTo(client: Client, to: readonly string[], text: string): Promise<void> {
    await client.say(greeting)
    await client.say('MAIL FROM:<a@b.example>')
    for (const path of to) await client.say(`RCPT TO:<${path}>`)
    await client.say('DATA')
    client.write(`Subject: x\r\n\r\n${text}\r\n.\r\n`)
  }

  for (const more of [
    '',
    'NOOP\r\n',
    'QUIT',
    'QUIT\r\nNOOP\r\n',
    'NOOP\r\nMAIL FROM:<c@b.example>\r\n',
  ]) {
    t.test(
      `${name}: who closes behind ${JSON.stringify(`.\r\n${more}`)} has left, and nothing stays`,
      async (t) => {
        const stage = buildStage(t)
        const { scanner: QHPSI, quarantine: QUARANTINE } = stage
        const next = await startNext(t, { lmtp })
        const door = await openDoor(t, next.port, { settings: { QHPSI, QUARANTINE }, lmtp })
        for (const text of ['hello', 'VIRUS']) {
          const client = await door.call()
          await sendTo(client, ['b@b.example', 'c@b.example'], text)
          client.socket.end(more)
          t.same(await client.rest(), [], 'nothing is said')
        }
        while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
        t.equal(next.got.length, 0)
        t.same(await readQuarantine(stage.quarantine), [])
        t.notOk(next.commands.some((line) => line.includes('c@b.example>') && /^MAIL/.test(line)))
      },
    )
  }

  /** Clients that leave while the next server has not answered the command `at`. */
  const moments = [
    { at: 'DATA', text: 'hello', to: ['b@skip.example'] },
    { at: 'RSET', text: 'VIRUS', to: ['b@keep.example'] },
    { at: 'RSET', text: 'VIRUS', to: ['b@keep.example', 'c@skip.example'] },
    { at: '.', text: 'hello', to: ['b@skip.example'] },
    { at: '.', text: 'VIRUS', to: ['b@keep.example', 'c@skip.example'] },
  ] as const
  for (const { at, text, to } of moments) {
    t.test(
      `${name}: who leaves before the next server answers ${at}, with ${text} for ${to.length}`,
      async (t) => {
        const stage = buildStage(t)
        const policy = stage.file('control/onescan.policy', 'to=skip.example scan off\n')
        const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
        const { scanner: QHPSI, quarantine: QUARANTINE } = stage
        const next = await startNext(t, { lmtp })
        const settings = { QHPSI, QUARANTINE, CONTROLDIR }
        const door = await openDoor(t, next.port, { settings, lmtp })
        const client = await door.call()
        const asked = new Promise<Socket>((resolve) => {
          next.script = (verb, _, socket) => {
            if (verb !== at) return undefined
            resolve(socket)
            next.script = undefined
            return 'silence'
          }
        })
        await sendTo(client, to, text)
        const socket = await asked
        client.socket.end()
        t.same(await client.rest(), [], 'the door has noticed')
        socket.write(at === 'DATA' ? '354 go on\r\n' : '250 2.0.0 done\r\n')
        while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
        t.equal(next.got.length, 0)
        t.same(await readQuarantine(stage.quarantine), [])
        const said = at === '.' ? /decision=accept .*reply=250/ : /decision=defer .*reply=451/
        t.match(door.mailLog.join('\n'), said)
      },
    )
  }

  t.test(`${name}: who closes behind more than a session reads ahead has left`, async (t) => {
    const stage = buildStage(t)
    const next = await startNext(t, { lmtp })
    const door = await openDoor(t, next.port, { settings: { QHPSI: stage.scanner }, lmtp })
    const client = await door.call()
    const asked = new Promise<Socket>((resolve) => {
      next.script = (verb, _, socket) => {
        if (verb !== 'DATA') return undefined
        resolve(socket)
        return 'silence'
      }
    })
    await sendTo(client, ['b@b.example'], 'hello')
    const socket = await asked
    client.socket.end('NOOP\r\n'.repeat(1_000_000)) // more than the kernel holds, too
    t.same(await client.rest(), [], 'the door has noticed')
    socket.write('354 go on\r\n')
    while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
    t.equal(next.got.length, 0)
  })

  t.test(`${name}: who sends on and on behind a message hears of it, and is closed`, async (t) => {
    const stage = buildStage(t)
    const next = await startNext(t, { lmtp })
    const door = await openDoor(t, next.port, { settings: { QHPSI: stage.scanner }, lmtp })
    const client = await door.call()
    const asked = new Promise<Socket>((resolve) => {
      next.script = (verb, _, socket) => {
        if (verb !== '.') return undefined
        resolve(socket)
        next.script = undefined
        return 'silence'
      }
    })
    await sendTo(client, ['b@b.example'], 'hello')
    const socket = await asked
    const sent = new Promise((resolve) => client.socket.once('drain', resolve))
    client.write('NOOP\r\n'.repeat(1_000_000))
    await sent
    socket.write('250 2.0.0 done\r\n')
    const replies = await client.rest()
    t.match(replies[0], /^250 /)
    t.match(replies.at(-1), /^421 /)
    t.ok(replies.length > 100 && replies.length < 50_000, `${replies.length} commands were read`)
    t.match(door.log.join('\n'), 'more than 64 KiB behind a message')
  })

  t.test(`${name}: whenever clients leave, what was answered 250 is there once`, async (t) => {
    const stage = buildStage(t)
    const policy = stage.file('control/onescan.policy', 'to=skip.example scan off\n')
    const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
    const { scanner: QHPSI, quarantine: QUARANTINE } = stage
    const next = await startNext(t, { lmtp })
    const door = await openDoor(t, next.port, { settings: { QHPSI, QUARANTINE, CONTROLDIR }, lmtp })
    const { below, once, pick } = createRandom(lmtp ? 5 : 4)
    const answers = new Map<string, readonly { to: string; isTaken: boolean }[]>()

    async function send(number: number): Promise<void> {
      const text = pick(['VIRUS', 'hello'])
      const to = Array.from({ length: 1 + below(4) }, (_, at) => {
        return `u${at}@${pick(['skip.example', 'keep.example'])}`
      })
      const client = await door.call()
      await client.say(greeting)
      await client.say(`MAIL FROM:<m${number}@b.example>`)
      for (const path of to) await client.say(`RCPT TO:<${path}>`)
      await client.say('DATA')
      const lines = 'line of text\r\n'.repeat(pick([0, 10, 20_000]))
      const content = `Subject: x\r\n\r\n${text}\r\n${lines}.\r\n`
      const end = once(3) ? below(content.length) : content.length
      client.write(content.slice(0, end))
      const replies: string[] = []
      if (end === content.length && once(3)) replies.push((await client.hear()) ?? '')
      leave(client, pick(['half-closes', 'half-closes', 'closes', 'resets']))
      replies.push(...(await client.rest()))
      answers.set(
        `m${number}@b.example`,
        to.map((to, at) => {
          return { to, isTaken: (lmtp ? replies[at] : replies[0])?.startsWith('250') === true }
        }),
      )
    }
    for (let number = 0; number < 120; number += 6) {
      await Promise.all([0, 1, 2, 3, 4, 5].map((more) => send(number + more)))
    }
    while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
    const kept = await readQuarantine(stage.quarantine)
    let taken = 0
    for (const [sender, recipients] of answers) {
      const found = [
        ...next.got.filter((mail) => mail.sender === sender),
        ...kept.map(({ record }) => record).filter((record) => record.sender === sender),
      ].flatMap(({ recipients }) => recipients)
      for (const { to, isTaken } of recipients) {
        const times = found.filter((path) => path === to).length
        if (isTaken) taken++
        const ok = isTaken ? times === 1 : times <= 1
        if (!ok) t.fail(`${to} of ${sender} is there ${times} times, answered ${isTaken}`)
      }
    }
    t.ok(taken > 20, `${taken} recipients were answered 250`)
  })
}

t.test(
  'LMTP: what is kept for a recipient who was answered stays when the client leaves',
  async (t) => {
    const stage = buildStage(t)
    const policy = stage.file('control/onescan.policy', 'to=skip.example scan off\n')
    const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
    const { scanner: QHPSI, quarantine: QUARANTINE } = stage
    const next = await startNext(t, { lmtp: true })
    const settings = { QHPSI, QUARANTINE, CONTROLDIR }
    const door = await openDoor(t, next.port, { settings, lmtp: true })
    const client = await door.call()
    await client.say('LHLO x')
    await client.say('MAIL FROM:<a@b.example>')
    const to = ['b@keep.example', 'c@skip.example', 'd@skip.example']
    for (const path of to) await client.say(`RCPT TO:<${path}>`)
    await client.say('DATA')
    const asked = new Promise<Socket>((resolve) => {
      next.script = (verb, _, socket) => {
        if (verb !== '.') return undefined
        resolve(socket)
        return '250 2.0.0 the first has it'
      }
    })
    client.write('Subject: x\r\n\r\nVIRUS\r\n.\r\n')
    const socket = await asked
    t.match([await client.hear(), await client.hear()], [/^250 /, /^250 2\.0\.0 the first has it/])
    client.socket.end()
    t.same(await client.rest(), [])
    socket.write('250 2.0.0 the second has it\r\n')
    while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
    t.match(await readQuarantine(stage.quarantine), [
      { record: { recipients: ['b@keep.example'] } },
    ])
  },
)

t.test('who closes long after QUIT has left', async (t) => {
  const stage = buildStage(t)
  const next = await startNext(t)
  const timeouts = { ...defaultTimeouts, end: 20 }
  const settings = { QHPSI: stage.scanner }
  const door = await openDoor(t, next.port, { settings, timeouts })
  const client = await door.call()
  for (const line of ['EHLO x', 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>', 'DATA']) {
    await client.say(line)
  }
  const asked = new Promise<Socket>((resolve) => {
    next.script = (verb, _, socket) => {
      if (verb !== 'DATA') return undefined
      resolve(socket)
      return 'silence'
    }
  })
  client.write('Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n')
  const socket = await asked
  await new Promise((resolve) => setTimeout(resolve, 2 * timeouts.end))
  client.socket.end()
  t.same(await client.rest(), [])
  socket.write('354 go on\r\n')
  while (door.state().clients > 0 || next.open > 0) await new Promise(setImmediate)
  t.equal(next.got.length, 0)
})
