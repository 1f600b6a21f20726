import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { keyLine } from '../cluster-mail.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { startMailboxes } from '../servers/mailboxes.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { openSmtp, sendMail } from '../servers/smtp-session.ts'

/** What Postfix alone can do with a milter. */

const virus = bytes('Subject: x\nTo: ben@example.org\n\nVIRUS\n')
const clean = bytes('Subject: x\nTo: ben@example.org\n\nhello\n')
const trouble = bytes('Subject: x\nTo: ben@example.org\n\nTROUBLE\n')

const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }

t.test('behind Postfix', { skip: postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const passage = await openPassage(t, (t, relayPort, milter) =>
    startPostfix(t, relayPort, {
      smtpd_milters: milter,
      non_smtpd_milters: milter,
      milter_default_action: 'tempfail',
      smtpd_authorized_xclient_hosts: '127.0.0.1',
      smtpd_sasl_auth_enable: 'yes',
    }),
  )
  const { receiver, mta: postfix } = passage

  // promise: rule-9-forged-senders
  t.test('a virus of a local program goes back to its sender', async (t) => {
    await passage.serve(t, { QHPSI: stage.scanner, REJECTVIRUS: '1' })
    postfix.submit(virus, '-t', '-f', 'ann@example.net')
    const bounce = await receiver.next()
    t.same([bounce.sender, bounce.recipients], ['', ['ann@example.net']])
    const report = bounce.message.toString().replace(/\s+/g, ' ')
    t.match(report, 'Status: 5.7.1 Diagnostic-Code: X-Postfix; message refused: virus Test-Virus')
  })

  t.test('QUARANTINE takes a virus, and Postfix passes nothing on', async (t) => {
    await passage.serve(t, { QHPSI: stage.scanner, QUARANTINE: stage.quarantine })
    const to = ['ben@example.org', 'bob@example.org']
    t.match((await sendMail(passage.port, { ...envelope, to, message: virus })).data, /^250 /)
    const [kept, ...more] = await readQuarantine(stage.quarantine)
    t.same(more, [])
    t.match(kept?.record, { sender: envelope.from, recipients: to, door: 'milter' })
    t.ok(
      kept?.message.toString('latin1').endsWith('\n\nVIRUS\n'),
      'with the fields that Postfix added',
    )
    t.match(postfix.log(), new RegExp(`${kept?.record.queue}: milter-discard: END-OF-MESSAGE`))
    t.equal(postfix.queued(), 0)
  })

  t.test(
    'QUARANTINE=hold leaves a virus in the hold queue, tagged, until it is released',
    async (t) => {
      await passage.serve(t, { QHPSI: stage.scanner, QUARANTINE: 'hold' })
      t.match((await sendMail(passage.port, { ...envelope, message: virus })).data, /^250 /)
      t.equal(postfix.queued(), 1)
      t.match(postfix.log(), /milter-hold: END-OF-MESSAGE from /)
      postfix.letGo()
      const { message } = await receiver.next()
      t.same(headerValues(message, 'X-QHPSI'), ['virus found'])
    },
  )

  // promise: rule-8-not-clean
  t.test('authenticated clients can have another policy', async (t) => {
    await passage.serve(t, {
      QHPSI: stage.scanner,
      CONTROLDIR: stage.rules('auth SCANFAIL=accept\n'),
    })
    const session = await openSmtp(passage.port)
    t.match((await session.send({ ...envelope, message: trouble })).data, /^451 4\.7\.1 /)
    t.match(await session.command('XCLIENT LOGIN=ann'), /^220 /)
    await session.command('EHLO client.example.net')
    t.match((await session.send({ ...envelope, message: trouble })).data, /^250 /)
    await session.quit()
    const { message } = await receiver.next()
    t.same(headerValues(message, 'X-QHPSI'), [], 'it was not scanned')
  })
})

t.test(
  'Postfix with milter_protocol=2 is not taken for another MTA',
  { skip: postfixMissing },
  async (t) => {
    const QUOTAD = await startMailboxes(t)
    const stage = buildStage(t)
    const passage = await openPassage(t, (t, relayPort, milter) =>
      startPostfix(t, relayPort, { smtpd_milters: milter, milter_protocol: '2' }),
    )
    const CLUSTERKEYS = stage.file('ring', keyLine('alpha'))
    const cluster = { CLUSTERKEYS, CLAMDBDIR: '/nonexistent' }
    const settings = { QHPSI: stage.scanner, QUARANTINE: 'hold', QUOTAD, QUOTANAME: 'local' }
    await passage.serve(t, { ...settings, ...cluster })
    const send = (message: Buffer, ...to: string[]) =>
      sendMail(passage.port, { from: envelope.from, to, message })

    const sent = await send(clean, 'full@example.org', 'room@example.org')
    t.match(sent.rcpt, [/^452 4\.2\.2 Quota exceeded/, /^250 /], 'a full mailbox is refused alone')
    const { message, recipients } = await passage.receiver.next()
    t.same(recipients, ['room@example.org'])
    t.same(headerNames(message).slice(0, 3), ['X-QHPSI', 'X-SHA256-Cluster-1', 'Received'])
    t.match((await send(virus, 'room@example.org')).data, /^250 /)
    t.match(passage.mta.log(), /milter-hold: END-OF-MESSAGE from /)
  },
)

t.test('mail to a host without 8BITMIME', { skip: postfixMissing }, async (t) => {
  const receiver = await startReceiver(t, [])
  const stage = buildStage(t)
  const { start } = mtas.find(({ name }) => name === 'Postfix')!
  const passage = await openPassage(t, (t, _, milter) => start(t, receiver.port, milter))
  const CLUSTERKEYS = stage.file('ring', keyLine('a'))
  const settings = {
    QHPSI: stage.scanner,
    CLUSTERKEYS,
    CLAMDBDIR: '/nonexistent',
    SECONDLOOK: 'never', // a scan is one of the whole message
  }
  await passage.serve(t, settings)

  const message = bytes(
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n' +
      'Content-Transfer-Encoding: 8bit\nSubject: x\n\ngr\xfc\xdfe\n',
  )
  t.match((await sendMail(passage.port, { ...envelope, message })).data, /^250 /)
  const mail = await receiver.next()
  t.match(bodyOf(mail.message).toString(), 'gr=FC=DFe', 'Postfix has converted it')
  t.equal(stage.scans(), 1)
  const slot = await runSlot({ message: mail.message, settings })
  t.equal(stage.scans(), 2, 'so the next host of the cluster scans again')
  t.match(slot.text, /^X-QHPSI: clean\n/)
})

t.test(
  'lines of over 998 bytes leave as they were scanned if smtp_line_length_limit is 0',
  { skip: postfixMissing },
  async (t) => {
    const stage = buildStage(t)
    const long = 'x'.repeat(998 - 1)
    const message = bytes(
      'Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n' +
        `Subject: x\n\n${long}=41code\n`,
    )
    for (const smtp_line_length_limit of ['998', '0']) {
      const passage = await openPassage(t, (t, relayPort, milter) =>
        startPostfix(t, relayPort, { smtpd_milters: milter, smtp_line_length_limit }),
      )
      await passage.serve(t, { QHPSI: stage.scanner })
      await sendMail(passage.port, { ...envelope, message })
      const sent = bodyOf((await passage.receiver.next()).message).toString()
      const same = smtp_line_length_limit === '0'
      t.equal(sent, same ? `${long}=41code\n` : `${long}=\n 41code\n`, 'another text')
    }
  },
)
