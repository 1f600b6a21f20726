import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { defaultNextServerTimeouts } from '../../../src/doors/smtp/next-server/next-server.ts'
import { buildStage } from '../../cases/stage.ts'
import { freePort } from '../../programs/free-port.ts'
import type { Client } from './client.ts'
import { type Script, startNext } from './next-server.ts'
import { type OpenDoor, openDoor, type Setup, sendThrough } from './rig.ts'
import { amidData, clean, openBetween, stillServes } from './trouble.ts'

/** Next servers that are broken, slow, gone or hostile; clients are in bad-input.test.ts. */

const stage = buildStage(t)
const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
const open = (t: Test, setup: Setup = {}) => openBetween(t, { settings, ...setup })

t.test('while the next server is missing, mail is deferred', async (t) => {
  const door = await openDoor(t, await freePort(), { settings })
  const client = await door.call()
  t.equal(await client.say('NOOP'), '250 2.0.0 Ok')
  t.match(await client.say('EHLO client.example.org'), /^421 4\.4\.2 /)
  t.equal(await client.hear(), undefined, 'and is left')
  t.match(
    door.mailLog[0],
    /decision=defer fault=chain reason="next server inet:127\.0\.0\.1:\d+: .*ECONNREFUSED/,
  )
})

const nextServerTimeouts = {
  ...defaultNextServerTimeouts,
  connection: 300,
  command: 300,
  data: 300,
  block: 300,
  end: 300,
}

t.test('if the next server is silent at any stage, mail is deferred', async (t) => {
  const { next, door } = await open(t, { nextServerTimeouts })
  for (const stage of ['MAIL', 'RCPT', 'DATA', '.']) {
    next.script = (verb) => (verb === stage ? 'silence' : undefined)
    const reply = await sendThrough(door, clean)
    const isToldOfMessage = stage === 'DATA' || stage === '.'
    t.match(reply, isToldOfMessage ? /^451 4\.4\.2 / : /^421 4\.4\.2 /, stage)
    t.match(door.mailLog.at(-1), /fault=chain .*has not answered in 0\.3 s/)
  }
  const client = await door.call()
  await client.say('EHLO client.example.org')
  next.script = (verb) => (verb === 'XFOR' ? 'silence' : undefined)
  t.match(await client.say('XFORWARD ADDR=192.0.2.7'), /^421 4\.4\.2 /)
  next.script = (verb) => (verb === 'QUIT' ? 'silence' : undefined)
  const leaving = await door.call()
  await leaving.say('EHLO client.example.org')
  t.equal(await leaving.say('QUIT'), '221 2.0.0 Bye')
  next.script = (verb) => (verb === 'EHLO' ? 'silence' : undefined)
  const fresh = await openDoor(t, next.port, { settings, nextServerTimeouts })
  t.match(await (await fresh.call()).say('EHLO client.example.org'), /^421 4\.4\.2 /)
  const mute = await startNext(t, { greeting: '' })
  const before = await openDoor(t, mute.port, { settings, nextServerTimeouts })
  const early = await before.call()
  t.match(await early.say('MAIL FROM:<a@b.example>'), /^421 4\.4\.2 /, 'in the greeting')
  await stillServes(t, door, next)
})

t.test(
  'a next server that is silent at RSET does not keep a refusal from its client',
  async (t) => {
    const { next, door } = await open(t, { nextServerTimeouts })
    next.script = (verb) => (verb === 'RSET' ? 'silence' : undefined)
    t.match(await sendThrough(door, 'Subject: x\r\n\r\nVIRUS\r\n'), /^550 5\.7\.1 /)
    await stillServes(t, door, next)
  },
)

t.test(
  'a 421 of the next server at any stage is handed to the client, whose connection ends',
  async (t) => {
    const { next, door } = await open(t)
    const full = '421 4.3.2 next is going down'
    for (const stage of ['EHLO', 'XFOR', 'MAIL', 'RCPT', 'DATA', '.', 'RSET', 'VRFY', 'QUIT']) {
      next.script = (verb, _, socket) => {
        if (verb !== stage) return undefined
        socket.end(`${full}\r\n`)
        return 'silence'
      }
      const client = await door.call()
      const said: string[] = []
      const commands = [
        'EHLO x.example.org',
        'VRFY a',
        'XFORWARD ADDR=192.0.2.7',
        'MAIL FROM:<a@b.example>',
        'RSET',
        'MAIL FROM:<a@b.example>',
        'RCPT TO:<b@b.example>',
        'DATA',
      ]
      for (const command of commands) {
        client.write(`${command}\r\n`)
        said.push((await client.hear()) ?? '')
        if (said.at(-1)?.startsWith('421')) break
      }
      if (said.at(-1)?.startsWith('354')) {
        client.write(`${clean}.\r\n`)
        said.push((await client.hear()) ?? '')
      }
      if (stage === 'QUIT') said.push(await client.say('QUIT'))
      t.equal(said.at(-1), full, stage)
      t.equal(await client.hear(), undefined)
    }
    const refusing = await startNext(t, { greeting: '421 4.3.2 too busy' })
    const other = await openDoor(t, refusing.port, { settings })
    const client = await other.call()
    t.match(await client.say('MAIL FROM:<a@b.example>'), /^421 4\.4\.2 /)
    t.match(other.mailLog[0], /greets with 421 4\.3\.2 too busy/)
    await stillServes(t, door, next)
  },
)

t.test(
  'if the next server closes between messages, the client is told to come again',
  async (t) => {
    const { next, door } = await open(t)
    const client = await amidData(door)
    next.script = (verb, _, socket) => {
      if (verb !== '.') return undefined
      socket.end('250 2.0.0 taken\r\n421 4.4.2 that was all\r\n')
      return 'silence'
    }
    client.write(`${clean}.\r\n`)
    t.equal(await client.hear(), '250 2.0.0 taken')
    while (next.open > 0) await wait(5)
    t.match(await client.say('XFORWARD ADDR=192.0.2.7'), /^421 4\.4\.2 /)
    t.equal(await client.hear(), undefined, 'and is left')
    await stillServes(t, door, next)
  },
)

t.test('if the next server is lost amid a transaction, so is the session', async (t) => {
  const { next, door } = await open(t)
  next.script = (verb, _, socket) => void (verb === 'RCPT' && socket.destroy())
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  t.match(await client.say('RCPT TO:<b@b.example>'), /^421 4\.4\.2 /)
  t.equal(await client.hear(), undefined)
  await stillServes(t, door, next)
})

// promise: rule-6-acknowledge
t.test(
  'if the next server closes in the middle of content, the message is deferred; if it speaks there, its answer counts',
  async (t) => {
    const { next, door } = await open(t)
    const large = `Subject: x\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(3_000_000, 'line of text\r\n')
    const whole = large.slice(0, large.lastIndexOf('\r\n') + 2)
    next.script = (verb, _, socket) => {
      if (verb !== 'CONTENT') return undefined
      socket.destroy()
      return 'silence'
    }
    t.match(await sendThrough(door, whole), /^451 4\.4\.2 /)
    next.script = (verb, content) =>
      verb === 'CONTENT' && content.length < 100_000 ? '250 2.0.0 I have heard enough' : undefined
    t.match(
      await sendThrough(door, whole),
      /^451 4\.4\.2 |^250 /,
      'it is never taken for more than it is',
    )
    await stillServes(t, door, next)
  },
)

t.test(
  'replies without codes, with codes that differ, without end, of many lines or with a bare LF never count as acceptance',
  async (t) => {
    const { next, door } = await open(t)
    const reply =
      (text: string | Buffer): Script =>
      (verb) =>
        verb === 'VRFY' ? Buffer.from(text) : undefined
    const ask = async (text: string) => {
      next.script = reply(text)
      const client = await door.call()
      await client.say('EHLO client.example.org')
      const said = await client.say('VRFY x')
      await client.close()
      return said
    }
    for (const odd of [
      'hello\r\n',
      '\r\n',
      '250-a\r\n550 b\r\n',
      '354 go on\r\n',
      `250 ${'x'.repeat(10_000)}\r\n`,
      '250-more\r\n'.repeat(20_000),
    ]) {
      t.match(await ask(odd), /^421 4\.4\.2 /, odd.slice(0, 20))
    }
    const long = `${Array.from({ length: 999 }, (_, n) => `252-2.0.0 line ${n}`).join('\n')}\n252 2.0.0 end`
    t.equal(await ask(`${long}\n`), long, 'as it was given')
    await stillServes(t, door, next)
  },
)

t.test(
  'if the next server says 421 or stops reading in the middle of content, the message is deferred',
  async (t) => {
    const { next, door } = await open(t, { nextServerTimeouts })
    const whole = `Subject: x\r\n\r\n${'line of text\r\n'.repeat(400_000)}`
    next.script = (verb, _, socket) => {
      if (verb !== 'CONTENT') return undefined
      socket.end('421 4.3.2 next is going down\r\n')
      return 'silence'
    }
    t.match(await sendThrough(door, whole), /^(451 4\.4\.2|421) /)
    next.script = (verb, _, socket) => {
      if (verb !== 'CONTENT') return undefined
      socket.pause()
      return 'silence'
    }
    t.match(await sendThrough(door, whole), /^451 4\.4\.2 /)
    t.match(door.mailLog.at(-1), /fault=chain .*has taken nothing in 0\.3 s/)
    t.equal(next.got.length, 0)
    await stillServes(t, door, next)
  },
)

// promise: rule-6-acknowledge
t.test('a second reply to one command is never taken for one to the next', async (t) => {
  const { next, door } = await open(t)
  next.script = (verb) =>
    verb === 'RCPT' ? '250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 queued' : undefined
  const client = await amidData(door)
  client.write(`${clean}.\r\n`)
  t.match(await client.hear(), /^451 4\.4\.2 /)
  t.equal(next.got.length, 0)
  t.match(door.mailLog.at(-1), /said something that it was not asked/)
})

t.test(
  'by LMTP a recipient hears what the next server said, and 451 if it closed before',
  async (t) => {
    const { next, door } = await open(t, { lmtp: true })
    const answers = ['250 2.0.0 ann has it', '250 2.0.0 ben has it', '552 5.2.2 cem is full']
    for (let answered = 0; answered <= answers.length; answered++) {
      next.script = (verb, _, socket) => {
        if (verb !== '.') return undefined
        socket.end(answers.slice(0, answered).map((line) => `${line}\r\n`).join(''))
        return 'silence'
      }
      const client = await door.call()
      await client.say('LHLO client.example.org')
      await client.say('MAIL FROM:<a@b.example>')
      for (const to of ['ann', 'ben', 'cem']) await client.say(`RCPT TO:<${to}@b.example>`)
      await client.say('DATA')
      client.write(`${clean}.\r\n`)
      const heard = [await client.hear(), await client.hear(), await client.hear()]
      t.same(heard.slice(0, answered), answers.slice(0, answered), `${answered} answers`)
      for (const reply of heard.slice(answered)) t.match(reply, /^451 4\.4\.2 /)
      if (answered < 3) t.match(door.mailLog.at(-1), / reply=451 |next="next server .* closed/)
      await client.close()
    }
  },
) // biome-ignore format: a line

/** Sends a message by LMTP, and resolves to the client, which has heard no answer to it. */
async function sendByLmtp(door: OpenDoor, recipients: readonly string[]): Promise<Client> {
  const client = await door.call()
  await client.say('LHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  for (const to of recipients) await client.say(`RCPT TO:<${to}@b.example>`)
  await client.say('DATA')
  client.write(`${clean}.\r\n`)
  return client
}

t.test('by LMTP each reply is said when it comes, before the next one is there', async (t) => {
  const { next, door } = await open(t, { lmtp: true })
  let goOn = () => {}
  next.script = (verb, _, socket) => {
    if (verb !== '.') return undefined
    socket.write('250 2.0.0 ann has it\r\n')
    goOn = () => void socket.write('250 2.0.0 ben has it\r\n452 4.2.2 cem is full\r\n')
    return 'silence'
  }
  const client = await sendByLmtp(door, ['ann', 'ben', 'cem'])
  t.equal(await client.hear(), '250 2.0.0 ann has it')
  goOn()
  t.equal(await client.hear(), '250 2.0.0 ben has it')
  t.equal(await client.hear(), '452 4.2.2 cem is full')
  t.match(await client.say('NOOP'), /^250 /, 'and nothing else is said')
})

t.test('by LMTP all replies together have the time of one', async (t) => {
  const end = 1500
  const { next, door } = await open(t, { lmtp: true, nextServerTimeouts: { ...nextServerTimeouts, end } }) // biome-ignore format: a line
  let said = 0
  next.script = (verb, _, socket) => {
    if (verb !== '.') return undefined
    const more = setInterval(() => socket.write(`250 2.0.0 ${++said}\r\n`), end / 5)
    socket.on('close', () => clearInterval(more))
    return 'silence'
  }
  const many = Array.from({ length: 50 }, (_, number) => `user${number}`)
  const client = await sendByLmtp(door, many)
  const codes: string[] = []
  for (const _ of many) codes.push((await client.hear())!.slice(0, 3))
  const taken = codes.filter((code) => code === '250').length
  t.ok(taken > 0 && taken < 10, `${taken} were in time`)
  t.same(new Set(codes.slice(taken)), new Set(['451']))
  t.match(door.mailLog.join(''), /next="next server .*has not answered in 1\.5 s"/)
})

t.test('an answer that had come counts, although it is read after its time', async (t) => {
  const { next, door } = await open(t, { nextServerTimeouts })
  next.script = (verb, _, socket) => {
    if (verb !== '.') return undefined
    socket.write('250 2.0.0 taken\r\n')
    // Meanwhile nothing goes on in this process, which is the door's, too.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * nextServerTimeouts.end)
    return 'silence'
  }
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 taken/)
})

t.test('by LMTP a 421 ends the replies: the others hear 451', async (t) => {
  const { next, door } = await open(t, { lmtp: true })
  next.script = (verb) =>
    verb === '.' ? '250 2.0.0 ann has it\r\n421 4.3.2 going down\r\n250 2.0.0 lie' : undefined
  const client = await sendByLmtp(door, ['ann', 'ben', 'cem', 'dan'])
  const heard = [await client.hear(), await client.hear(), await client.hear(), await client.hear()]
  t.match(heard, [/^250 2\.0\.0 ann/, /^451 4\.3\.2 going down/, /^451 4\.4\.2 /, /^451 4\.4\.2 /])
  while (next.open > 0) await wait(5)
  t.match(door.mailLog, [
    /decision=accept .*reply=250 .*to=<ann@b\.example> rcpts=1 /,
    /answered=recipients reply=250 rcpt=<ann@b\.example>$/m,
    /decision=accept .*reply=451 next="421 4\.3\.2 going down" .*to=<ben@b\.example> rcpts=3 /,
    /answered=recipients reply=451 rcpt=<ben@b\.example> rcpt=<cem@b\.example> rcpt=<dan@b\.example>$/m, // biome-ignore format: a line
  ])
})

t.test(
  'the log says what became of each recipient, and names no more than 64 of a kind',
  async (t) => {
    const { next, door } = await open(t, { lmtp: true })
    const many = Array.from({ length: 200 }, (_, number) => `user${number}`)
    next.script = (verb) => {
      if (verb !== '.') return undefined
      return many.map((_, at) => (at % 2 ? '552 5.2.2 full' : '250 2.0.0 ok')).join('\r\n')
    }
    const client = await sendByLmtp(door, many)
    for (const _ of many) await client.hear()
    const judged = door.mailLog.filter((line) => line.includes(' decision='))
    t.match(judged, [
      /reply=250 .*to=<user0@b\.example> rcpts=100 /,
      /reply=552 next="552 5\.2\.2 full" .*to=<user1@b\.example> rcpts=100 /,
    ])
    const named = (reply: number) =>
      door.mailLog
        .filter((line) => line.includes(`answered=recipients reply=${reply} `))
        .flatMap((line) => line.match(/(?<=rcpt=<user)\d+/g) ?? [])
    t.same(
      named(250),
      Array.from({ length: 64 }, (_, at) => `${2 * at}`),
    )
    t.same(
      named(552),
      Array.from({ length: 64 }, (_, at) => `${2 * at + 1}`),
    )
  },
)

for (const lmtp of [false, true]) {
  t.test(
    `${lmtp ? 'LMTP' : 'SMTP'}: after 3xx behind the dot the connection is not used again`,
    async (t) => {
      const { next, door } = await open(t, { lmtp })
      next.script = (verb) => (verb === '.' ? '354 go on' : undefined)
      const client = await door.call()
      await client.say(`${lmtp ? 'LHLO' : 'EHLO'} client.example.org`)
      await client.say('MAIL FROM:<a@b.example>')
      await client.say('RCPT TO:<b@b.example>')
      await client.say('DATA')
      client.write(`${clean}.\r\n`)
      t.match(await client.hear(), /^451 4\.4\.2 /)
      while (next.open > 0) await wait(5)
      t.equal(next.commands.at(-1), 'DATA', 'it hears nothing more')
    },
  )
}
