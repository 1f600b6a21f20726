import t, { type Test } from 'tap'
import type { QuotaAnswer } from '../../../../src/base/protocol/quota/quota-answer.ts'
import type { QuotaLookup } from '../../../../src/scanner/scan/quota/quota-lookup.ts'
import { plain } from '../../../cases/messages.ts'
import { everything, type Offer, oldest, packets } from './mta.ts'
import { openMilter } from './rig.ts'

/** Full mailboxes at RCPT. */

const scanning = { QHPSI: 'plugin: eicar' }
type Settings = Readonly<Record<string, string>>

const answers: Readonly<Record<string, QuotaAnswer>> = {
  'full@example.org': { status: 'full', usage: { size: 900, quota: 1000 } },
  'room@example.org': { status: 'room' },
  'nobody@example.org': { status: 'no-such-user' },
  'broken@example.org': { status: 'unknown', reason: 'no answer in 500 ms' },
}

/** A milter with a quota service that records what it was asked. */
async function asking(t: Test, asksForRelayClients = false, settings: Settings = {}) {
  const asked: [string, number | undefined][] = []
  const quota: Omit<QuotaLookup, 'timeout'> = {
    asksForRelayClients,
    async ask(address, incoming) {
      asked.push([address.text, incoming])
      return answers[address.text]!
    },
  }
  return { asked, milter: await openMilter(t, { ...scanning, ...settings }, { quota }) }
}

/** What libraries offer that answer each command (go-milter). */
const eachAnswered: Offer = { version: 6, actions: 0x3f, steps: 0 }

for (const offer of [everything, oldest, eachAnswered]) {
  const name = `version ${offer.version}, steps ${offer.steps}`
  t.test(`only the full one of several recipients is deferred, ${name}`, async (t) => {
    const { asked, milter } = await asking(t, false, { VIRUSFORWARD: 'v@example.org' })
    const recipients = Object.keys(answers)
    const mail = { message: plain, recipients, parameters: ['SIZE=150'] }
    const got = await milter.submit(mail, offer)
    t.equal(got.outcome, 'delivered')
    const reply = '452 4.2.2 Quota exceeded for <full@example.org>, try again later'
    t.same(got.refusals, [reply])
    t.same(got.recipients, recipients.slice(1))
    t.same(
      asked,
      recipients.map((recipient) => [recipient, 150]),
    )
    t.equal(milter.mailLog.length, 4)
    t.match(milter.mailLog, [
      /decision=defer quota=full reply=452 interface=milter remote=192\.0\.2\.7 used=900 limit=1000 .*to=<full@/,
      /decision=pass quota=no-such-user .*to=<nobody@/,
      /decision=pass quota=unknown reason="no answer in 500 ms" .*to=<broken@/,
      /decision=accept .*to=<room@example\.org> rcpts=3 /,
    ])
  })
}

t.test('a full mailbox is full however its address is written', async (t) => {
  const { asked, milter } = await asking(t)
  const recipients = [
    ...['"full"@example.org', '"fu\\ll"@example.org', '@a.example,@b.example:full@example.org'],
    ...['"room"@example.org', 'room@example.org'],
  ]
  const got = await milter.submit({ message: plain, recipients })
  t.same(got.recipients, recipients.slice(3))
  t.match(got.refusals[0], 'Quota exceeded for <"full"@example.org>, ')
  t.same(new Set(asked.map(([name]) => name)), new Set(['full@example.org', 'room@example.org']))
})

t.test('the announced size counts, if it is a number', async (t) => {
  const { asked, milter } = await asking(t)
  const recipients = ['room@example.org']
  for (const parameters of [['BODY=8BITMIME', 'size=77'], ['SIZE=-1'], ['SIZE=9e9'], []]) {
    await milter.submit({ message: plain, recipients, parameters })
  }
  t.same(
    asked.map(([, size]) => size),
    [77, undefined, undefined, undefined],
  )
})

t.test('recipients of authenticated clients are asked about if QUOTARELAY is set', async (t) => {
  for (const asksForRelayClients of [false, true]) {
    const { asked, milter } = await asking(t, asksForRelayClients)
    const mail = { message: plain, recipients: ['full@example.org'], authenticated: 'alice' }
    const got = await milter.submit(mail)
    t.equal(asked.length, asksForRelayClients ? 1 : 0)
    t.equal(got.refusals.length, asksForRelayClients ? 1 : 0)
  }
})

t.test(
  'no quota is requested for mail of local programs, which could not be refused alone',
  async (t) => {
    const { asked, milter } = await asking(t, true)
    const mta = await milter.connect()
    const mail = { message: plain, recipients: ['room@example.org', 'full@example.org'] }
    mta.write(packets.connect('127.0.0.1', 0))
    t.same((await mta.submit(mail)).recipients, mail.recipients)
    t.same(asked, [])
    for (const [address, port] of [
      ['127.0.0.1', 1025],
      ['192.0.2.7', 0],
    ] as const) {
      mta.write(packets.connect(address, port))
      t.same((await mta.submit(mail)).recipients, ['room@example.org'])
    }
  },
)

t.test('no quota is requested while scanning is switched off', async (t) => {
  const CONTROLDIR = t.testdir({ 'onescan.off': '' })
  const { asked, milter } = await asking(t, false, { CONTROLDIR })
  const got = await milter.submit({ message: plain, recipients: ['full@example.org'] })
  t.same([got.outcome, got.refusals, asked], ['delivered', [], []])
})

t.test('a lookup that rejects, against its promise, refuses no recipient', async (t) => {
  const ask = () => Promise.reject(new Error('broken'))
  const milter = await openMilter(t, scanning, { quota: { ask, asksForRelayClients: false } })
  const got = await milter.submit({ message: plain })
  t.equal(got.outcome, 'delivered')
  t.match(milter.mailLog[0], /quota=unknown reason=broken/)
})

t.test('an unexpected error defers mail, and the log contains its position', async (t) => {
  const ask = () => {
    throw new Error('broken')
  }
  const milter = await openMilter(t, scanning, { quota: { ask, asksForRelayClients: false } })
  const mta = await milter.connect()
  mta.write(packets.mail('a@example.org'), packets.recipient('b@example.org'))
  t.equal((await mta.hear())?.command, 't')
  t.equal(await mta.hear(), undefined)
  t.match(milter.log[0], /^milter: the MTA: Error: broken\n +at /)
})

t.test('without a quota service the MTA does not wait for an answer to RCPT', async (t) => {
  const quiet = await openMilter(t, scanning)
  t.ok((await quiet.connect()).agreed.steps & 0x8000)
  const { milter } = await asking(t)
  t.notOk((await milter.connect()).agreed.steps & 0x8000)
})
