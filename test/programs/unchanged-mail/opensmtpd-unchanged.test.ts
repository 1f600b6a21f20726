import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { demandingMail, filled } from '../milter/demanding-mail.ts'
import { opensmtpdMissing, startOpenSmtpd } from '../servers/opensmtpd.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The example for OpenSMTPD passes mail on as it is on a host whose smtpd.conf sets whatever refuses, limits, maps,
 * copies or encrypts mail.
 */

/** A client of another host, for which the rules of smtpd.conf make an exception. */
const CLIENT = '127.0.0.2'
/** One that the filter lets in, and a rule rejects. */
const OTHER = '127.0.0.3'
const SIZE_MAX = 60_000
/** Whom the host's own rules deliver mail for ben@example.org to. */
const MAPPED = ['ben.mapped@example.net', 'copy@example.net']

t.test('behind the queue of OpenSMTPD', { skip: opensmtpdMissing }, async (t) => {
  const { mta, port, receiver } = await openDemandingHost(t)
  const send = (message: Buffer) =>
    sendMail(port, { from: 'ann@example.com', to: ['ben@example.org'], message }, CLIENT)

  const comesAsItIs = async (t: Test, message: Buffer) => {
    await until(() => mta.queued() === 0, 'OpenSMTPD has handed on all mail')
    const recipients: string[] = []
    for (let left = receiver.count() - before; left > 0; left--) {
      const got = await receiver.next()
      recipients.push(...got.recipients)
      t.equal(got.sender, 'ann@example.com')
      t.ok(bodyOf(got.message).equals(bodyOf(message)), 'the body is as it was')
      const own = headerNames(got.message).filter((name) => !['Received', 'X-QHPSI'].includes(name))
      t.same(own, headerNames(message), 'the header is as it was')
      for (const name of own) {
        t.same(headerValues(got.message, name), headerValues(message, name))
      }
      t.same(headerValues(got.message, 'X-QHPSI'), ['clean'])
    }
    t.same(recipients.sort(), MAPPED, 'each once')
    t.notMatch(mta.log(), /result="(TempFail|PermFail)"/)
  }
  let before = receiver.count()

  await t.test('mail of a client', async (t) => {
    t.match((await send(demandingMail)).data, /^250 /)
    await comesAsItIs(t, demandingMail)
  })

  await t.test('mail 500 bytes below the limit of OpenSMTPD', async (t) => {
    before = receiver.count()
    const message = filled(demandingMail, SIZE_MAX - 500)
    t.match((await send(message)).data, /^250 /)
    await comesAsItIs(t, message)
  })

  await t.test('larger mail is returned, since the limit applies to what comes back', async (t) => {
    before = receiver.count()
    t.match((await send(filled(demandingMail, SIZE_MAX))).data, /^250 /)
    await until(() => /result="PermFail"/.test(mta.log()), 'OpenSMTPD gives up')
    t.match(mta.log(), /message too large for peer/)
    t.equal(receiver.count(), before)
  })

  await t.test('mail that the rules of the host reject is rejected immediately', async (t) => {
    const envelope = { from: 'ann@example.com', to: ['ben@example.org'] }
    const { rcpt } = await sendMail(port, { ...envelope, message: demandingMail }, OTHER)
    t.match(rcpt, [/^550 /])
  })
})

async function openDemandingHost(t: Test) {
  const stage = buildStage(t)
  const receiver = await startReceiver(t)
  const directory = openDirectory(t)
  const table = (name: string, lines: string) => {
    writeFileSync(join(directory, name), lines)
    return join(directory, name)
  }
  const [port, filter, back] = [await freePort(), await freePort(), await freePort()]
  const added = example('opensmtpd/opensmtpd.conf', {
    '/etc/smtpd.recipients': table('recipients', 'ben@example.org\n'),
    '/etc/smtpd.domains': table('domains', 'example.org\n'),
    10025: filter,
    10026: back,
  })
  const own = `
    smtp max-message-size "${SIZE_MAX}"
    smtp limit max-rcpt 1
    queue compression
    queue encryption 0123456789abcdef0123456789abcdef
    filter "mine" phase connect match !src { "${CLIENT}", "${OTHER}" } disconnect "554 5.7.1 no"
    table mapped { "ben@example.org" = "${MAPPED.join(', ')}" }
    listen on 127.0.0.1 port ${port} filter "mine" tag MINE no-dsn mask-src
    action "map" maildir "${directory}/never" virtual <mapped>
    action "deliver" relay host smtp+notls://127.0.0.1:${receiver.port}
    match ! tag SCANNED !from src ${CLIENT} for any reject
    ${added}
    match from any for domain "example.org" action "map"
    match from any for domain "example.net" action "deliver"\n`
  const mta = await startOpenSmtpd(t, own, port)
  await startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${back}`, '--after-queue'],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  }) // biome-ignore format: a list
  return { mta, port, receiver }
}
