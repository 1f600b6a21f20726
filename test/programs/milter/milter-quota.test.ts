import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { freePort } from '../host/free-port.ts'
import { startMailboxes } from '../servers/mailboxes.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { type Sent, sendMail } from '../servers/smtp-session.ts'

/** A full mailbox and one with room, as the client of an MTA meets them; onescan-quotad knows. */

const recipients = ['full@example.org', 'room@example.org', 'nobody@example.org']
const refusal = '452 4.2.2 Quota exceeded for <full@example.org>, try again later'

for (const { name, missing, start } of mtas) {
  t.test(`the milter, behind ${name}`, { skip: missing }, async (t) => {
    const QUOTAD = await startMailboxes(t)
    const passage = await openPassage(t, start)
    await passage.serve(t, { QHPSI: 'plugin: eicar', QUOTAD, QUOTANAME: 'local' })

    // promise: rule-9-forged-senders
    t.test('of three recipients only the full one is refused', async (t) => {
      const sent = await send(passage.port, recipients)
      t.match(sent.rcpt[0], refusal)
      t.match(sent.rcpt.slice(1), [/^250 /, /^250 /])
      t.match(sent.data, /^250 /)
      const mail = await passage.receiver.next()
      t.same([...mail.recipients].sort(), recipients.slice(1).sort())
      t.match(mail.message.toString(), /^X-QHPSI: clean$/m)
    })

    t.test('the announced size counts', async (t) => {
      const large = ['large@example.org']
      const sent = await send(passage.port, large, 'SIZE=900000')
      t.match(sent.rcpt[0], /^452 4\.2\.2 Quota exceeded for <large@example\.org>/)
      t.match((await send(passage.port, large)).data, /^250 /, 'without it it has room')
      t.same((await passage.receiver.next()).recipients, large)
    })
  })
}

t.test('the policy service, behind Postfix', { skip: postfixMissing }, async (t) => {
  const QUOTAD = await startMailboxes(t)
  const receiver = await startReceiver(t)
  const policy = `inet:127.0.0.1:${await freePort()}`
  await startOnescand(t, {
    args: ['--policy', policy],
    settings: { QUOTAD, QUOTANAME: 'local' },
  })
  const postfix = await startPostfix(t, receiver.port, {
    smtpd_recipient_restrictions: `reject_unauth_destination, check_policy_service ${policy}`,
    relay_domains: 'example.org',
  })

  t.test('of three recipients only the full one is refused', async (t) => {
    const sent = await send(postfix.port, recipients)
    t.match(
      sent.rcpt[0],
      '452 4.2.2 <full@example.org>: Recipient address rejected: Quota exceeded',
    )
    t.match(sent.rcpt.slice(1), [/^250 /, /^250 /])
    t.match(sent.data, /^250 /)
    const { recipients: taken } = await receiver.next()
    t.same([...taken].sort(), recipients.slice(1).sort())
  })

  // promise: rule-13-relay
  t.test('the policy service never opens a relay: later restrictions still count', async (t) => {
    const sent = await send(postfix.port, ['room@elsewhere.example.com'])
    t.match(sent.rcpt[0], /^(454|554) .*Relay access denied/)
  })
})

t.test('mail of a local program, by Postfix', { skip: postfixMissing }, async (t) => {
  const QUOTAD = await startMailboxes(t)
  const passage = await openPassage(t, (t, relayPort, milter) =>
    startPostfix(t, relayPort, { non_smtpd_milters: milter }),
  )
  await passage.serve(t, { QHPSI: 'plugin: eicar', QUOTAD, QUOTANAME: 'local' })
  passage.mta.submit(Buffer.from('Subject: x\n\nhello\n'), '-f', 'ann@example.net', ...recipients)
  const { recipients: taken } = await passage.receiver.next()
  t.same([...taken].sort(), [...recipients].sort(), 'one who is full holds up no other')
})

function send(port: number, to: readonly string[], parameters = ''): Promise<Sent> {
  return sendMail(port, { from: 'ann@example.net', to, message: plain, parameters })
}
