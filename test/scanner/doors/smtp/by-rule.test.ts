import t from 'tap'
import { readQuarantine } from '../../../cases/kept.ts'
import { until } from '../../../run/until.ts'
import { clean, infected, openBetween } from './between.ts'
import { at, type Script } from './next-server.ts'
import { sendThrough } from './rig.ts'

/** onescan.policy for recipients of one message, by SMTP and LMTP. */

const rules = [
  'to=refuse@example.org REJECTVIRUS=1',
  'to=drop@example.org REJECTVIRUS=2 QHPSIMAXSIZE=1M',
  'to=skip@example.org scan off',
  'to=never@example.org,size>1 refuse "not {reason}"',
].join('\n')
const skipping = { rules: 'to=skip@example.org scan off\n', keeps: true }
const [keep, skip, refuse] = ['keep@example.org', 'skip@example.org', 'refuse@example.org']

t.test('over LMTP each recipient has an answer of its own', async (t) => {
  const { next, door, stage } = await openBetween(t, { isLmtp: true, rules, keeps: true })
  const to = [refuse, skip, keep, 'never@example.org', skip, keep]
  const recipients = to.map((path) => `RCPT TO:<${path}> NOTIFY=NEVER`)
  const client = await door.greeted('MAIL FROM:<a@b.example> BODY=8BITMIME', ...recipients, 'DATA')
  client.write(`${infected}.\r\n`)
  const taken = /^250 2\.0\.0 <skip@example\.org> has it/
  t.match(await client.hears(6), [
    ...[/^550 5\.7\.1 message re/, taken, /^250 2\.0\.0 Ok/],
    ...[/^550 5\.7\.1 not policy/, taken, /^250 2\.0\.0 Ok/],
  ])
  t.equal(next.got.length, 1)
  t.same(next.got[0]?.recipients, [skip, skip])
  t.same(next.got[0]?.commands.slice(-5), [
    'RSET',
    'MAIL FROM:<a@b.example> BODY=8BITMIME',
    'RCPT TO:<skip@example.org> NOTIFY=NEVER',
    'RCPT TO:<skip@example.org> NOTIFY=NEVER',
    'DATA',
  ])
  const kept = await readQuarantine(stage.quarantine)
  t.equal(kept.length, 1)
  t.same(kept[0]?.record.recipients, [keep, keep])
  const log = door.mailLog.join('')
  t.match(log, /decision=accept .*rule=3 .*reply=250 .*to=<skip@example\.org> rcpts=2 /)
  t.match(log, /decision=reject .*rule=1 .*reply=550 .*to=<refuse@example\.org> rcpts=1 /)
  t.match(log, /decision=reject .*grounds=policy .*rule=4 .*reply=550 .*to=<never@/)
  t.match(log, /decision=quarantine .*kept=\S+ .*reply=250 .*to=<keep@example\.org> rcpts=2 /)
})

t.test('over LMTP no recipient that the next server refuses is reported as accepted', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp: true, rules, keeps: true })
  next.script = at('DATA', '451 4.3.0 not now')
  const client = await door.sent(infected, skip, refuse, skip)
  t.match(await client.hears(3), [/^451/, /^550/, /^451/])
})

/** Gives a recipient this reply at its second RCPT, and to other commands the reply of `others`. */
function refuseSecond(user: string, reply: string, others: Record<string, string> = {}): Script {
  let times = 0
  return (verb, line) => {
    if (verb === 'RCPT' && line.includes(`<${user}@`) && ++times > 1) return reply
    return times > 0 ? others[verb] : undefined
  }
}

t.test(
  'over LMTP a recipient that the next server refuses after the split is deferred alone',
  async (t) => {
    const { next, door, stage } = await openBetween(t, {
      isLmtp: true,
      rules: 'to=skip.example scan off\n',
      keeps: true,
    })
    const to = ['ann@skip.example', keep, 'ben@skip.example', 'cem@skip.example']
    const recipients = to.map((path) => `RCPT TO:<${path}>`)
    const send = async (script: Script) => {
      next.script = script
      const client = await door.greeted('XFORWARD ADDR=192.0.2.7', 'MAIL FROM:<a@b.example>')
      await client.command(...recipients, 'DATA')
      client.write(`${infected}.\r\n`)
      const replies = await client.hears(4)
      await client.close()
      return replies
    }
    const takes = (to: string) => new RegExp(`^250 2\\.0\\.0 <${to}@`)
    const lost = /^451 4\.4\.2 /
    const kept = /^250 2\.0\.0 Ok/
    const noBen = /^451 4\.1\.1 no ben/
    t.match(await send(refuseSecond('ben', '550 5.1.1 no ben')), [
      ...[takes('ann'), kept, noBen, takes('cem')],
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
      ...[/^450 4\.2\.0 slow/, kept, takes('ben'), takes('cem')],
    ])
    const got = next.got.length
    for (const verb of ['RSET', 'XFOR', 'MAIL']) {
      let isSecond = false
      const logged = door.mailLog.length
      const replies = await send((command) => {
        if (command === 'RSET') isSecond = true
        return isSecond && command === verb ? '500 5.5.1 no' : undefined
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
    const notThat = /^554 5\.3\.0 not that/
    t.match(await send(refuseSecond('ben', '550 5.1.1 no ben', { DATA: '554 5.3.0 not that' })), [
      ...[notThat, kept, noBen, notThat],
    ])
    const deferred = /^451 4\.3\.2 busy/
    const busy = await send(at('DATA', '421 4.3.2 busy'))
    t.match(busy, [deferred, kept, deferred, deferred], 'no 421 before other replies')
    t.equal((await readQuarantine(stage.quarantine)).length, 1, 'all are tries of one message')
  },
)

t.test('over SMTP a recipient that is refused after the split defers the message', async (t) => {
  const { next, door, stage } = await openBetween(t, skipping)
  next.script = refuseSecond('skip', '550 5.1.1 not any more')
  t.equal(await sendThrough(door, infected, [skip, keep]), '451 4.1.1 not any more')
  t.match(door.mailLog, [
    /decision=accept .*reply=451 next="550 5\.1\.1 not any more"/,
    /decision=quarantine .*reply=451 /,
  ])
  t.equal(next.got.length, 0)
  t.same(await readQuarantine(stage.quarantine), [])
})

t.test('a VIRUSFORWARD recipient that the next server refuses is reported unchanged', async (t) => {
  const settings = { VIRUSFORWARD: 'abuse@example.org' }
  for (const isLmtp of [false, true]) {
    const { next, door } = await openBetween(t, { settings, isLmtp })
    next.script = (_, line) => (line.includes('<abuse@') ? '550 5.1.1 no abuse' : undefined)
    const client = await door.sent(infected, 'ann@example.org', 'ben@example.org')
    const refusals = Array(isLmtp ? 2 : 1).fill('550 5.1.1 no abuse')
    t.same(await client.hears(refusals.length), refusals)
    t.match(await client.command('NOOP'), /^250 /)
    t.equal(next.got.length, 0)
  }
})

t.test(
  'over SMTP a message is kept for some recipients when the next server has it for others',
  async (t) => {
    const { next, door, stage } = await openBetween(t, skipping)
    next.script = at('.', '451 4.3.0 not now')
    const both = [skip, keep]
    for (let attempt = 0; attempt < 12; attempt++) {
      t.match(await sendThrough(door, infected, both), /^451 4\.3\.0 not now/, 'asked to try again')
    }
    t.match(door.mailLog, [/decision=accept .*reply=451 /, /decision=quarantine .*reply=451 /])
    t.notMatch(door.mailLog.join(''), /kept=/)
    next.script = at('.', (socket) => socket.destroy())
    const before = door.mailLog.length
    t.match(await sendThrough(door, infected, both), /^451 4\.4\.2 /)
    t.match(door.mailLog.slice(before), [
      /decision=accept .*reply=451 next="next server .*closed the connection"/,
      /decision=quarantine .*reply=451 interface=/,
    ])
    next.script = undefined
    t.match(await sendThrough(door, infected, both), /^250 /)
    t.same(next.got.at(-1)?.recipients, [skip])
    t.equal((await readQuarantine(stage.quarantine)).length, 1, 'kept once, when it is delivered')
  },
)

t.test('mail is kept once for some LMTP recipients, whatever happens to the others', async (t) => {
  const { next, door, stage } = await openBetween(t, { isLmtp: true, ...skipping })
  next.script = at('.', (socket) => socket.destroy())
  const client = await door.sent(infected, keep, skip, keep)
  t.match(await client.hears(3), [/^250 2\.0\.0 Ok/, /^451 4\.4\.2 /, /^250 2\.0\.0 Ok/])
  const [kept, ...more] = await readQuarantine(stage.quarantine)
  t.same(more, [])
  t.match(door.mailLog, [
    /decision=accept .*reply=451 next="next server .*to=<skip@/,
    new RegExp(`decision=quarantine .*kept=${kept?.record.id} .*reply=250 .*to=<keep@`),
  ])
})

const [gone, early] = ['RCPT TO:<gone@example.org>', 'RCPT TO:<Early@Example.ORG>']

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  t.test(`${name}: a recipient that a rule refuses is refused at RCPT`, async (t) => {
    const { next, door, stage } = await openBetween(t, {
      isLmtp,
      rules: `to=early@example.org,size<1K scan off
to=early@example.org refuse
to=gone@example.org refuse "moved: see https://{host}/"
`,
    })
    const client = await door.greeted('MAIL FROM:<a@b.example>')
    t.match(await client.command(gone), /^550 5\.7\.1 moved: see https:\/\//)
    t.match(await client.command(early), /^250 /, 'that hangs on the size')
    t.match(await client.command('RCPT TO:<b@example.org>'), /^250 /)
    t.notOk(next.commands.includes(gone), 'the next server never heard of it')
    await client.command('DATA')
    client.write(`${clean}.\r\n`)
    t.match(await client.hear(), /^250 /)
    if (isLmtp) t.match(await client.hear(), /^250 /)
    t.same(next.got[0]?.recipients, ['Early@Example.ORG', 'b@example.org'])
    t.match(
      door.mailLog[0],
      /^onescan: decision=reject grounds=policy rule=3 reply=550 interface=smtp remote=127\.0\.0\.1 .*to=<gone@/,
    )
    stage.file('control/onescan.off', '')
    const again = () => client.command('RSET', 'MAIL FROM:<a@b.example>', gone)
    await until(again, 'onescan sees that it is off', (reply) => reply.startsWith('250 '))
  })
}

t.test('after the queue no rule refuses a recipient, for that would become a bounce', async (t) => {
  const rules = 'to=gone@example.org refuse\n'
  const { door } = await openBetween(t, { rules, isQueued: true })
  t.match(await sendThrough(door, clean, ['gone@example.org']), /^451 4\.7\.1 /)
})

t.test('with rules or a quarantine a recipient that is not plain is refused by 501', async (t) => {
  const odd = ['<ben@example.org(@trap.example>', '<@r.example:ben@example.org>', 'ben@example.org']
  const rules = 'to=trap.example scan off\n'
  for (const [setup, reply] of [
    [{ rules }, '501 5.1.3'],
    [{ keeps: true }, '501 5.1.3'],
    [{ rules, isQueued: true }, '451 4.1.3'],
    [{}, '250 2.1.0'],
  ] as const) {
    const { door } = await openBetween(t, setup)
    const client = await door.greeted('MAIL FROM:<a@b.example>')
    for (const path of odd) t.equal((await client.command(`RCPT TO:${path}`)).slice(0, 9), reply)
    t.match(await client.command('RCPT TO:<Ben@Example.ORG> NOTIFY=NEVER'), /^250 2\.1\.0 /)
  }
})
