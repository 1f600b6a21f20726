import t, { type Test } from 'tap'
import { readQuarantine } from '../../cases/kept.ts'
import { infected, plain } from '../../cases/messages.ts'
import { type BuiltStage, buildStage } from '../../cases/stage.ts'
import { type Script, startNext } from './next-server.ts'
import { openDoor, sendThrough } from './rig.ts'

/** onescan.policy for recipients of one message, by SMTP and LMTP. */

function ruled(t: Test, lines: string): { stage: BuiltStage; settings: Record<string, string> } {
  const stage = buildStage(t)
  const policy = stage.file('control/onescan.policy', lines)
  const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
  const { scanner, quarantine } = stage
  return { stage, settings: { QHPSI: scanner, CONTROLDIR, QUARANTINE: quarantine } }
}

const lines = [
  'to=refuse@example.org REJECTVIRUS=1',
  'to=drop@example.org REJECTVIRUS=2 QHPSIMAXSIZE=1M',
  'to=skip@example.org scan off',
  'to=never@example.org,size>1 refuse "not {ground}"',
]

const content = infected.toString('latin1').replaceAll('\n', '\r\n')

t.test('by LMTP each recipient has an answer of its own', async (t) => {
  const { settings, stage } = ruled(t, lines.join('\n'))
  const next = await startNext(t, { lmtp: true })
  const door = await openDoor(t, next.port, { settings, lmtp: true })
  const client = await door.call()
  await client.say('LHLO client.example.org')
  await client.say('MAIL FROM:<a@example.net> BODY=8BITMIME')
  const to = ['refuse', 'skip', 'keep', 'never', 'skip', 'keep']
  for (const user of to) await client.say(`RCPT TO:<${user}@example.org> NOTIFY=NEVER`)
  await client.say('DATA')
  client.write(`${content}.\r\n`)
  const replies: string[] = []
  for (const _ of to) replies.push((await client.hear())!)
  t.same(
    replies.map((reply) => reply.slice(0, 20)),
    [
      '550 5.7.1 message re',
      '250 2.0.0 <skip@exam',
      '250 2.0.0 Ok',
      '550 5.7.1 not policy',
      '250 2.0.0 <skip@exam',
      '250 2.0.0 Ok',
    ],
  )
  t.equal(next.got.length, 1)
  t.same(next.got[0]?.recipients, ['skip@example.org', 'skip@example.org'])
  const commands = next.got[0]?.commands ?? []
  t.same(commands.slice(-5), [
    'RSET',
    'MAIL FROM:<a@example.net> BODY=8BITMIME',
    'RCPT TO:<skip@example.org> NOTIFY=NEVER',
    'RCPT TO:<skip@example.org> NOTIFY=NEVER',
    'DATA',
  ])
  const kept = await readQuarantine(stage.quarantine)
  t.same(
    kept.map(({ record }) => record.recipients),
    [['keep@example.org', 'keep@example.org']],
  )
  const log = door.mailLog.join('')
  t.match(log, /decision=accept .*rule=3 .*reply=250 .*to=<skip@example\.org> rcpts=2 /)
  t.match(log, /decision=reject .*rule=1 .*reply=550 .*to=<refuse@example\.org> rcpts=1 /)
  t.match(log, /decision=reject .*grounds=policy .*rule=4 .*reply=550 .*to=<never@/)
  t.match(log, /decision=quarantine .*kept=\S+ .*reply=250 .*to=<keep@example\.org> rcpts=2 /)
})

t.test('by LMTP no recipient is reported as taken that the next server refuses', async (t) => {
  const { settings } = ruled(t, lines.join('\n'))
  const next = await startNext(t, { lmtp: true })
  next.script = (verb) => (verb === 'DATA' ? '451 4.3.0 not now' : undefined)
  const door = await openDoor(t, next.port, { settings, lmtp: true })
  const client = await door.call()
  await client.say('LHLO client.example.org')
  await client.say('MAIL FROM:<a@example.net>')
  for (const user of ['skip', 'refuse', 'skip']) await client.say(`RCPT TO:<${user}@example.org>`)
  await client.say('DATA')
  client.write(`${content}.\r\n`)
  const codes = [await client.hear(), await client.hear(), await client.hear()]
  t.same(
    codes.map((reply) => reply?.slice(0, 3)),
    ['451', '550', '451'],
  )
})

/** Gives a recipient this reply at its second RCPT, and to other commands what `others` says. */
function refuseSecond(user: string, reply: string, others: Record<string, string> = {}): Script {
  let times = 0
  return (verb, line) => {
    if (verb === 'RCPT' && line.includes(`<${user}@`) && ++times > 1) return reply
    return times > 0 ? others[verb] : undefined
  }
}

t.test(
  'by LMTP a recipient that the next server refuses after the split is deferred alone',
  async (t) => {
    const { settings, stage } = ruled(t, 'to=skip.example scan off\n')
    const next = await startNext(t, { lmtp: true })
    const door = await openDoor(t, next.port, { settings, lmtp: true })
    const send = async (script: Script) => {
      next.script = script
      const client = await door.call()
      await client.say('LHLO client.example.org')
      await client.say('XFORWARD ADDR=192.0.2.7')
      await client.say('MAIL FROM:<a@example.net>')
      const to = ['ann@skip.example', 'keep@example.org', 'ben@skip.example', 'cem@skip.example']
      for (const path of to) await client.say(`RCPT TO:<${path}>`)
      await client.say('DATA')
      client.write(`${content}.\r\n`)
      const replies: string[] = []
      for (const _ of to) replies.push((await client.hear()) ?? 'left')
      await client.close()
      return replies
    }
    const takes = (to: string) => new RegExp(`^250 2\\.0\\.0 <${to}@`)
    const lost = /^451 4\.4\.2 /
    const kept = /^250 2\.0\.0 Ok/
    t.match(await send(refuseSecond('ben', '550 5.1.1 no ben')), [
      takes('ann'),
      kept,
      /^451 4\.1\.1 no ben/,
      takes('cem'),
    ])
    t.same(next.got.at(-1)?.recipients, ['ann@skip.example', 'cem@skip.example'])
    t.match(door.mailLog, [
      /decision=accept .*reply=250 .*to=<ann@skip\.example> rcpts=2 /,
      /answered=recipients reply=250 rcpt=<ann@skip\.example> rcpt=<cem@skip\.example>$/m,
      /decision=accept .*reply=451 next="550 5\.1\.1 no ben" .*to=<ben@skip\.example> rcpts=1 /,
      /answered=recipients reply=451 rcpt=<ben@skip\.example>$/m,
      /decision=quarantine .*kept=\S+ .*reply=250 .*to=<keep@/,
    ])
    t.match(await send(refuseSecond('ann', '450 4.2.0 slow')), [
      /^450 4\.2\.0 slow/,
      kept,
      takes('ben'),
      takes('cem'),
    ])
    const got = next.got.length
    for (const verb of ['RSET', 'XFOR', 'MAIL']) {
      let isSecond = false
      const logged = door.mailLog.length
      const replies = await send((said) => {
        if (said === 'RSET') isSecond = true
        return isSecond && said === verb ? '500 5.5.1 no' : undefined
      })
      t.match(replies, [lost, kept, lost, lost], `${verb} is refused`)
      t.match(door.mailLog[logged], new RegExp(`next="the next server answers 500 to ${verb}`))
    }
    t.equal(next.got.length, got)
    const closes = refuseSecond('cem', '421 4.3.2 going down')
    const closing: Script = (verb, line, socket) => {
      const reply = closes(verb, line, socket)
      if (reply !== undefined) socket.end(`${reply}\r\n`)
      return reply && 'silence'
    }
    t.match(await send(closing), [lost, kept, lost, /^451 4\.(4\.2|3\.2) /])
    t.match(await send(refuseSecond('ben', '550 5.1.1 no', { DATA: '554 5.3.0 not that' })), [
      /^554 5\.3\.0 not that/,
      kept,
      /^451 4\.1\.1 no/,
      /^554 5\.3\.0 not that/,
    ])
    const busy: Script = (verb) => (verb === 'DATA' ? '421 4.3.2 busy' : undefined)
    const deferred = /^451 4\.3\.2 busy/
    t.match(await send(busy), [deferred, kept, deferred, deferred], 'no 421 before other replies')
    t.equal((await readQuarantine(stage.quarantine)).length, 8, 'kept once each time')
  },
)

t.test(
  'by SMTP a recipient that is refused after the split defers the message for all',
  async (t) => {
    const { settings, stage } = ruled(t, 'to=skip@example.org scan off\n')
    const next = await startNext(t)
    const door = await openDoor(t, next.port, { settings })
    const both = ['skip@example.org', 'keep@example.org']
    next.script = refuseSecond('skip', '550 5.1.1 not any more')
    t.equal(await sendThrough(door, content, both), '451 4.1.1 not any more')
    t.match(door.mailLog, [
      /decision=accept .*reply=451 next="550 5\.1\.1 not any more"/,
      /decision=quarantine .*reply=451 /,
    ])
    t.equal(next.got.length, 0)
    t.same(await readQuarantine(stage.quarantine), [])
  },
)

t.test('a recipient of VIRUSFORWARD that the next server refuses is told as it is', async (t) => {
  const { settings } = ruled(t, '')
  const { QUARANTINE: _, ...forwarding } = settings
  for (const lmtp of [false, true]) {
    const next = await startNext(t, { lmtp })
    const door = await openDoor(t, next.port, {
      settings: { ...forwarding, VIRUSFORWARD: 'abuse@example.org' },
      lmtp,
    })
    next.script = (_, line) => (line.includes('<abuse@') ? '550 5.1.1 no abuse' : undefined)
    const client = await door.call()
    await client.say(lmtp ? 'LHLO x' : 'EHLO x')
    await client.say('MAIL FROM:<a@example.net>')
    for (const user of ['ann', 'ben']) await client.say(`RCPT TO:<${user}@example.org>`)
    await client.say('DATA')
    client.write(`${content}.\r\n`)
    t.equal(await client.hear(), '550 5.1.1 no abuse')
    if (lmtp) t.equal(await client.hear(), '550 5.1.1 no abuse')
    t.match(await client.say('NOOP'), /^250 /)
    t.equal(next.got.length, 0)
  }
})

t.test(
  'by SMTP, if the next server does not take the message for the others, the client is told so',
  async (t) => {
    const { settings, stage } = ruled(t, 'to=skip@example.org scan off\n')
    const next = await startNext(t)
    next.script = (verb) => (verb === '.' ? '451 4.3.0 not now' : undefined)
    const door = await openDoor(t, next.port, { settings })
    const both = ['skip@example.org', 'keep@example.org']
    for (let attempt = 0; attempt < 12; attempt++) {
      t.match(await sendThrough(door, content, both), /^451 4\.3\.0 not now/, 'told to come again')
    }
    t.match(door.mailLog, [/decision=accept .*reply=451 /, /decision=quarantine .*reply=451 /])
    t.notMatch(door.mailLog.join(''), /kept=/)
    next.script = (verb, _, socket) => {
      if (verb !== '.') return undefined
      socket.destroy()
      return 'silence'
    }
    const before = door.mailLog.length
    t.match(await sendThrough(door, content, both), /^451 4\.4\.2 /)
    t.match(door.mailLog.slice(before), [
      /decision=accept .*reply=451 next="next server .*closed the connection"/,
      /decision=quarantine .*reply=451 door=/,
    ])
    next.script = undefined
    t.match(await sendThrough(door, content, both), /^250 /)
    t.same(next.got.at(-1)?.recipients, ['skip@example.org'])
    t.equal((await readQuarantine(stage.quarantine)).length, 1, 'kept once, when it is delivered')
  },
)

t.test(
  'by LMTP mail is kept once for some, whatever becomes of the others, and a line names it',
  async (t) => {
    const { settings, stage } = ruled(t, 'to=skip@example.org scan off\n')
    const next = await startNext(t, { lmtp: true })
    next.script = (verb, _, socket) => {
      if (verb !== '.') return undefined
      socket.destroy()
      return 'silence'
    }
    const door = await openDoor(t, next.port, { settings, lmtp: true })
    const client = await door.call()
    await client.say('LHLO client.example.org')
    await client.say('MAIL FROM:<a@example.net>')
    for (const user of ['keep', 'skip', 'keep']) await client.say(`RCPT TO:<${user}@example.org>`)
    await client.say('DATA')
    client.write(`${content}.\r\n`)
    const replies = [await client.hear(), await client.hear(), await client.hear()]
    t.match(replies, [/^250 2\.0\.0 Ok/, /^451 4\.4\.2 /, /^250 2\.0\.0 Ok/])
    const [kept, ...more] = await readQuarantine(stage.quarantine)
    t.same(more, [])
    t.match(door.mailLog, [
      /decision=accept .*reply=451 next="next server .*to=<skip@/,
      new RegExp(`decision=quarantine .*kept=${kept?.record.id} .*reply=250 .*to=<keep@`),
    ])
  },
)

for (const lmtp of [false, true]) {
  t.test(
    `${lmtp ? 'LMTP' : 'SMTP'}: a recipient that a rule refuses is refused at RCPT`,
    async (t) => {
      const { settings, stage } = ruled(
        t,
        'to=early@example.org,size<1K scan off\nto=early@example.org refuse\nto=gone@example.org refuse "moved: see https://{host}/"\n',
      )
      const next = await startNext(t, { lmtp })
      const door = await openDoor(t, next.port, { settings, lmtp })
      const client = await door.call()
      await client.say(lmtp ? 'LHLO x' : 'EHLO x')
      await client.say('MAIL FROM:<a@example.net>')
      t.match(await client.say('RCPT TO:<gone@example.org>'), /^550 5\.7\.1 moved: see https:\/\//)
      t.match(await client.say('RCPT TO:<Early@Example.ORG>'), /^250 /, 'that hangs on the size')
      t.match(await client.say('RCPT TO:<b@example.org>'), /^250 /)
      t.notOk(
        next.commands.some((line) => line.includes('gone')),
        'the next server never heard of it',
      )
      await client.say('DATA')
      client.write(`${plain.toString('latin1').replaceAll('\n', '\r\n')}.\r\n`)
      t.match(await client.hear(), /^250 /)
      t.same(next.got[0]?.recipients, ['Early@Example.ORG', 'b@example.org'])
      t.match(
        door.mailLog[0],
        /^onescan: decision=reject grounds=policy rule=3 reply=550 door=smtp remote=127\.0\.0\.1 .*to=<gone@/,
      )
      stage.file('control/onescan.off', '')
      await client.say('MAIL FROM:<a@example.net>')
      t.match(await client.say('RCPT TO:<gone@example.org>'), /^250 /, 'not while onescan is off')
    },
  )
}

t.test('after the queue no rule refuses a recipient, for that would become a bounce', async (t) => {
  const { settings } = ruled(t, 'to=gone@example.org refuse\n')
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings, afterQueue: true })
  t.match(await sendThrough(door, 'x: y\r\n\r\n', ['gone@example.org']), /^451 4\.7\.1 /)
})

t.test(
  'where rules or a quarantine are in use, a recipient that is not plain is refused with 501',
  async (t) => {
    const { settings, stage } = ruled(t, 'to=trap.example scan off\n')
    const { CONTROLDIR: _, ...keeping } = settings
    const { QUARANTINE: __, ...ruling } = settings
    const next = await startNext(t)
    const odd = [
      '<ben@example.org(@trap.example>',
      '<@r.example:ben@example.org>',
      'ben@example.org',
    ]
    const ask = async (settings: Record<string, string>, afterQueue = false) => {
      const door = await openDoor(t, next.port, { settings, afterQueue })
      const client = await door.call()
      await client.say('EHLO x')
      await client.say('MAIL FROM:<a@example.net>')
      const replies: string[] = []
      for (const path of [...odd, '<Ben@Example.ORG> NOTIFY=NEVER']) {
        replies.push((await client.say(`RCPT TO:${path}`)).slice(0, 9))
      }
      return replies
    }
    const refused = [...odd.map(() => '501 5.1.3'), '250 2.1.0']
    t.same(await ask(ruling), refused)
    t.same(await ask(keeping), refused)
    t.same(await ask(ruling, true), [...odd.map(() => '451 4.1.3'), '250 2.1.0'])
    t.same(
      await ask({ QHPSI: stage.scanner }),
      [...odd, ''].map(() => '250 2.1.0'),
    )
  },
)
