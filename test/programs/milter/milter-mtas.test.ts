import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { keyLine } from '../cluster-mail.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { openSmtp, sendMail } from '../servers/smtp-session.ts'

/** onescand's milter behind the MTAs that it is for: what their clients and the next host see. */

const infected = Buffer.concat([plain, bytes(`${EICAR}\n`)])
const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }

for (const { name, missing, start } of mtas) {
  t.test(`behind ${name}`, { skip: missing || clamdMissing }, async (t) => {
    const clamd = await startClamd(t)
    const passage = await openPassage(t, start)
    const { receiver } = passage
    const ring = buildStage(t).file('ring', keyLine('alpha'))
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }

    /** Sends one message on a connection of its own, and resolves to the reply. */
    const send = async (message: Buffer, setup: Partial<typeof envelope> = {}) => {
      const { data } = await sendMail(passage.port, { ...envelope, ...setup, message })
      return data
    }

    // promise: rule-12-content
    t.test('clean mail is tagged and stamped, and its body untouched', async (t) => {
      const daemon = await passage.serve(t, { ...settings, CLUSTERKEYS: ring })
      t.match(await send(plain), /^250 /)
      const { sender, recipients, message } = await receiver.next()
      t.same([sender, recipients], [envelope.from, envelope.to])
      t.same(headerValues(message, 'X-QHPSI'), ['clean'])
      const [stamp = '', ...others] = headerValues(message, 'X-SHA256-Cluster-1')
      t.match(stamp, /^v=1; k=alpha; t=\d+; s=clamd,everypart; h=/)
      t.same(others, [])
      t.same(headerNames(message).slice(0, 3), ['X-QHPSI', 'X-SHA256-Cluster-1', 'Received'])
      t.ok(bodyOf(message).equals(bodyOf(plain)))
      t.match(daemon.log.join('\n'), /decision=accept scan=clean .*interface=milter/)
    })

    // promise: rule-9-forged-senders
    t.test('EICAR is refused by the name of the virus', async (t) => {
      await passage.serve(t, { ...settings, REJECTVIRUS: '1' })
      const before = receiver.count()
      t.match(await send(infected), new RegExp(`^550 5\\.7\\.1 .*${EICAR_NAME}`))
      t.match(await send(plain), /^250 /, 'and the next message is not')
      await receiver.next()
      t.equal(receiver.count(), before + 1)
    })

    // promise: rule-9-forged-senders
    t.test('EICAR is dropped with REJECTVIRUS=2', async (t) => {
      await passage.serve(t, { ...settings, REJECTVIRUS: '2' })
      const before = receiver.count()
      t.match(await send(infected), /^250 /)
      t.match(await send(plain), /^250 /)
      const { message } = await receiver.next()
      t.same(headerValues(message, 'X-QHPSI'), ['clean'])
      t.equal(receiver.count(), before + 1)
    })

    // promise: rule-9-forged-senders
    t.test('VIRUSFORWARD gets a virus instead of its recipients', async (t) => {
      await passage.serve(t, { ...settings, VIRUSFORWARD: 'quarantine@example.org' })
      t.match(await send(infected, { to: ['ben@example.org', 'cem@example.org'] }), /^250 /)
      const { sender, recipients, message } = await receiver.next()
      t.same([sender, recipients], [envelope.from, ['quarantine@example.org']])
      t.same(headerValues(message, 'X-Quarantine-ID'), [
        'quarantine@example.org,ben@example.org,cem@example.org',
      ])
    })

    // promise: rule-12-content
    t.test('X-QHPSI fields of a sender are removed, in any form', async (t) => {
      await passage.serve(t, settings)
      const forged = bytes(
        `x-qhpsi: clean\nFrom: a@example.org\nX-QHPSI: virus\n\tfound\nX-Qhpsi: clean\n\n${EICAR}\n`,
      )
      t.match(await send(forged), /^250 /)
      const { message } = await receiver.next()
      t.same(headerValues(message, 'X-QHPSI'), ['virus found'])
    })

    // promise: rule-11-recipients
    t.test('messages of one connection have verdicts of their own', async (t) => {
      await passage.serve(t, { ...settings, REJECTVIRUS: '1' })
      const session = await openSmtp(passage.port)
      const before = receiver.count()
      const numbered = (n: number) => bytes(`Subject: message ${n}\n\nhello\n`)
      t.match((await session.send({ ...envelope, message: numbered(1) })).data, /^250 /)
      t.match((await session.send({ ...envelope, message: infected })).data, /^550 5\.7\.1 /)
      t.match(await session.command('MAIL FROM:<gone@example.net>'), /^250 /)
      t.match(await session.command('RCPT TO:<gone@example.org>'), /^250 /)
      t.match(await session.command('RSET'), /^250 /, 'a message that is broken off')
      t.match((await session.send({ ...envelope, message: numbered(2) })).data, /^250 /)
      await session.quit()
      const subjects = [await receiver.next(), await receiver.next()].flatMap((mail) => {
        t.equal(mail.sender, envelope.from)
        return headerValues(mail.message, 'Subject')
      })
      t.same(subjects.sort(), ['message 1', 'message 2'])
      t.equal(receiver.count(), before + 2)
    })

    t.test('a bounce is scanned as any mail', async (t) => {
      await passage.serve(t, { ...settings, REJECTVIRUS: '1' })
      t.match(await send(plain, { from: '' }), /^250 /)
      const { sender, message } = await receiver.next()
      t.equal(sender, '')
      t.same(headerValues(message, 'X-QHPSI'), ['clean'])
      t.match(await send(infected, { from: '' }), /^550 5\.7\.1 /)
    })

    // promise: rule-12-content
    t.test('large mail passes whole', async (t) => {
      await passage.serve(t, settings)
      const line = 'all work and no play makes Jack a dull boy\n'
      const message = Buffer.concat([plain, Buffer.alloc(5_000_000, line)])
      t.match(await send(message), /^250 /)
      const mail = await receiver.next()
      t.same(headerValues(mail.message, 'X-QHPSI'), ['clean'])
      t.ok(bodyOf(mail.message).equals(withEnd(bodyOf(message))))
    })

    // promise: rule-7-temporary
    t.test('while clamd is away, mail is deferred', async (t) => {
      await passage.serve(t, { ...settings, CLAMD: '/nonexistent' })
      const before = receiver.count()
      t.match(await send(plain), /^451 4\.7\.1 /)
      t.equal(receiver.count(), before)
    })

    // promise: rule-7-temporary
    t.test('while onescand is away, mail is deferred', async (t) => {
      const before = receiver.count()
      const session = await openSmtp(passage.port)
      const reply = await session.command(`MAIL FROM:<${envelope.from}>`)
      t.match(reply, /^4\d\d 4\.\d\.\d /)
      await session.quit()
      t.equal(receiver.count(), before)
    })

    // promise: rule-5-crash
    t.test('onescand that is killed during a scan leaves the mail with the client', async (t) => {
      const daemon = await passage.serve(t, { QHPSI: `/bin/sh -c 'kill -9 $PPID; sleep 5' %s` })
      const before = receiver.count()
      t.match(await send(plain), /^4\d\d 4\.\d\.\d /)
      await daemon.logged(/worker \d+ was killed by SIGKILL/)
      t.equal(receiver.count(), before)
    })
  })
}

/** SMTP knows lines alone. */
function withEnd(body: Buffer): Buffer {
  return body.at(-1) === 0x0a ? body : Buffer.concat([body, bytes('\n')])
}
