import t from 'tap'
import {
  nobody,
  qpsmtpdMissing,
  qpsmtpdSession,
  queueOfNobody,
} from '../../programs/servers/qpsmtpd.ts'
import { until } from '../../run/until.ts'
import { runtimes } from '../rig.ts'
import { allWait, NO_NAMES, NO_PENALTY } from '../waits.ts'
import { type Client, connect, startGate } from './rig.ts'

/** Sessions of patient, early, remembered and leaving clients with qpsmtpd behind the gate. */

const MAIL = [
  ['EHLO mx.example.net', /^250 /m],
  ['MAIL FROM:<ann@example.net>', /^250 <ann/m],
  ['RCPT TO:<ben@example.org>', /^250 <ben/m],
  ['DATA', /^354 /m],
  ['Subject: hello\r\n\r\nhello\r\n.', /^250 .*queued/im],
  ['QUIT', /^221 /m],
] as const

/** Sends each command after the reply to the last one. Resolves to the whole session. */
async function deliver(client: Client): Promise<string> {
  await client.hears(/^220 /)
  for (const [line, reply] of MAIL) {
    client.send(`${line}\r\n`)
    await client.hears(reply)
  }
  return client.over
}

t.test('qpsmtpd after the gate', { skip: qpsmtpdMissing }, async (t) => {
  const { program, MAILDIR, delivered } = queueOfNobody(t)
  const session = qpsmtpdSession(t, program)
  const { uid, gid } = nobody()
  const gate = await startGate(t, {
    command: runtimes.at(-1)!.smtpDelay,
    words: [...allWait(0.5), ...NO_PENALTY, ...NO_NAMES, '-S', '-u', `${uid}`, '-g', `${gid}`],
    program: session.words,
    environment: { ...session.environment, MAILDIR },
  })
  const event = (name: string, address: string) => () =>
    gate.log.some((line) => line.includes(` event=${name} `) && line.includes(`=${address} `))

  t.test('a client that waits waits, and delivers', async (t) => {
    const replies = await deliver(await connect(gate.port, { from: '127.0.0.1' }))
    t.match(replies, /^220 mx\.example\.org ESMTP qpsmtpd/)
    t.equal(delivered(), 1)
    await until(event('passed', '127.0.0.1'), 'the gate lets it in')
    await gate.logged(/ event=passed .* waited_ms=(?:[5-9]|\d+)\d\d\./)
  })

  t.test('the same client is known, and does not wait again', async (t) => {
    const isRemembered = () =>
      gate.log.some((line) => / event=passed .* reason=remembered$/.test(line))
    // The gate may hear of the end of the first session after its client.
    for (let n = 2; n < 10 && !isRemembered(); n++) {
      await deliver(await connect(gate.port, { from: '127.0.0.1' }))
      t.equal(delivered(), n)
    }
    t.ok(isRemembered())
  })

  t.test('an early talker is asked to connect again, and qpsmtpd never starts', async (t) => {
    const before = delivered()
    const early = await connect(gate.port, {
      from: '127.0.0.2',
      early: 'EHLO spam.example.net\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<ben@example.org>\r\n',
    })
    early.send('QUIT\r\n')
    const replies = await early.over
    t.match(replies, /^451 your mail server talked before it was greeted/m)
    t.notMatch(replies, /qpsmtpd/)
    t.ok(event('refused', '127.0.0.2')(), 'it is logged')
    t.equal(delivered(), before)
  })

  t.test('a client that leaves starts nothing', async (t) => {
    const leaving = await connect(gate.port, { from: '127.0.0.3' })
    leaving.leave()
    await until(event('left', '127.0.0.3'), 'the gate sees it')
    t.notOk(event('passed', '127.0.0.3')())
  })
  for (const line of gate.log) t.comment(line)
})
