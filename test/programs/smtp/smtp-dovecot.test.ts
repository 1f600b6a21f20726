import { chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { callDoor } from '../../scanner/doors/smtp/client.ts'
import { example } from '../example.ts'
import { headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { dovecotMissing, startDovecot } from '../servers/dovecot.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { openSmtp, sendMail } from '../servers/smtp-session.ts'

/** onescand --lmtp before the mailboxes of a real Dovecot. */

const mail = (line: string) => `Subject: x\nTo: ben@example.org\n\n${line}\n.\n`

t.test('before Dovecot', { skip: dovecotMissing || postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const directory = openDirectory(t)
  const maildir = (name: string) => join(directory, name)
  const users = [
    { name: 'ann', maildir: maildir('ann') },
    { name: 'ben', maildir: maildir('ben') },
    { name: 'full', maildir: maildir('full'), rule: '*:bytes=1' },
  ]
  for (const user of users) mkdirSync(user.maildir)
  for (const path of [directory, ...users.map((user) => user.maildir)]) chownSync(path, 65_534, 65_534) // biome-ignore format: a line
  const dovecot = await startDovecot(t, users)
  const filter = await freePort()
  const daemon = await startOnescand(t, {
    args: ['--lmtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${dovecot.lmtp}`, '--after-queue'],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  }) // biome-ignore format: a list
  const delivered = (name: string) => {
    const inbox = join(maildir(name), 'new')
    return readdirSync(inbox).map((file) => readFileSync(join(inbox, file)))
  }

  t.test('each recipient gets the answer of Dovecot', async (t) => {
    const client = await callDoor(filter)
    t.teardown(() => client.socket.destroy())
    t.match(await client.hear(), /^220 .* LMTP$/)
    t.match(await client.command('LHLO mta.example.org'), /^250-dovecot\.example\.org/)
    await client.command('MAIL FROM:<eve@example.net>')
    t.match(await client.command('RCPT TO:<ann@example.org>'), /^250 2\.1\.5 OK/)
    t.match(
      await client.command('RCPT TO:<nobody@example.org>'),
      /^550 5\.1\.1 <nobody@example\.org> User doesn't exist/,
    )
    t.match(await client.command('RCPT TO:<ben@example.org>'), /^250 /)
    await client.command('DATA')
    client.write(
      `${mail('hello').replaceAll('\n', '\r\n').replace('\r\n.\r\n', '\r\n..\r\n')}.\r\n`,
    )
    t.match(await client.hear(), /^250 2\.0\.0 <ann@example\.org> \S+ Saved/)
    t.match(await client.hear(), /^250 2\.0\.0 <ben@example\.org> \S+ Saved/)
    t.match(await client.command('QUIT'), /^221 2\.0\.0 /)
    for (const name of ['ann', 'ben']) {
      const [message] = delivered(name)
      t.same(headerValues(message!, 'X-QHPSI'), ['clean'])
      t.match(message!.toString(), /\n\nhello\n\.\n$/)
    }
  })

  t.test('mail from the queue of Postfix', async (t) => {
    const text = example('postfix/postfix-lmtp.cf', { 10024: filter })
    const [, virtual_transport = ''] = /virtual_transport = (.*)/.exec(text)!
    const main = {
      virtual_transport,
      virtual_mailbox_domains: 'example.org',
      virtual_mailbox_maps: 'static:all',
      notify_classes: '',
    }
    const services = text.replace(/^(scan-lmtp +unix +\S +\S +)y/m, '$1n')
    const postfix = await startPostfix(t, dovecot.lmtp, main, { services })
    const before = { ann: delivered('ann').length, ben: delivered('ben').length }
    const session = await openSmtp(postfix.port)
    for (const line of ['hello', 'VIRUS', 'TROUBLE']) {
      const { data } = await session.send({
        from: 'eve@example.net',
        to: ['ann@example.org', 'ben@example.org'],
        message: bytes(mail(line)),
      })
      t.match(data, /^250 /)
    }
    await session.quit()
    await daemon.logged(/decision=accept scan=infected .*reply=250 interface=smtp /)
    await daemon.logged(/decision=defer .*reply=451 interface=smtp /)
    for (const name of ['ann', 'ben'] as const) {
      while (delivered(name).length < before[name] + 2) await setTimeout(20)
      const tags = delivered(name).map((message) => headerValues(message, 'X-QHPSI')[0])
      t.equal(tags.length, before[name] + 2)
      t.equal(tags.filter((tag) => tag === 'virus found').length, 1)
    }
    // Postfix removes a message after its delivery.
    while (postfix.queued() > 1) await setTimeout(20)
    t.equal(postfix.queued(), 1, 'mail that could not be scanned stays in the queue')
  })

  t.test('content_filter by lmtp', async (t) => {
    const main = { content_filter: `scan:inet:127.0.0.1:${filter}`, notify_classes: '' }
    const services = 'scan unix - - n - 10 lmtp\n  -o lmtp_send_xforward_command=yes\n'
    const postfix = await startPostfix(t, dovecot.lmtp, main, { services })
    const before = delivered('ann').length
    const envelope = { from: 'eve@example.net', to: ['ann@example.org'] }
    await sendMail(postfix.port, { ...envelope, message: bytes(mail('again')) })
    await daemon.logged(/decision=accept scan=clean .* to=<ann@example\.org> rcpts=1 /)
    t.equal(delivered('ann').length, before + 1)
  })
})
