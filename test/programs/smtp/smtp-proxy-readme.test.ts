import t, { type Test } from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { callDoor } from '../../scanner/doors/smtp/client.ts'
import { startNext } from '../../scanner/doors/smtp/next-server.ts'
import { freePort } from '../host/free-port.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The demands of Postfix's SMTPD_PROXY_README on a filter before the queue: a test for each
 * sentence, with a real Postfix in front. The server behind is a stand-in that records all
 * commands.
 */

const clean = bytes('Subject: x\nTo: ben@example.org\n\nhello\n.\n..two\n')
const virus = bytes('Subject: x\nTo: ben@example.org\n\nVIRUS\n')
const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }

const send = (port: number, message: Buffer) => sendMail(port, { ...envelope, message })

t.test('SMTPD_PROXY_README', { skip: postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const next = await startNext(t)
  const filter = await freePort()
  const proxied = (port: number) =>
    `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:${filter}`
  const main = { smtpd_authorized_xclient_hosts: '127.0.0.1' }
  const postfix = await startPostfix(t, next.port, main, { smtpd: proxied })
  await startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${next.port}`],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  })

  // promise: rule-1-interface, proxy-commands
  t.test('EHLO, XFORWARD, MAIL, RCPT, DATA and QUIT, one message a connection', async (t) => {
    const before = next.commands.length
    const parameters = 'SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ'
    await sendMail(postfix.port, { ...envelope, parameters, message: clean })
    await next.has(1)
    const commands = next.commands.slice(before).map((line) => line.replace(/(XFORWARD) .*/, '$1'))
    t.match(commands, [
      /^EHLO /, 'XFORWARD',
      `MAIL FROM:<ann@example.net> ${parameters}`,
      'RCPT TO:<ben@example.org>', 'DATA',
    ]) // biome-ignore format: a list
  })

  // promise: rule-1-interface, proxy-syntax
  t.test('MAIL and RCPT are forwarded without modification', async (t) => {
    const client = await callDoor(postfix.port)
    t.teardown(() => client.socket.destroy())
    await client.hear()
    await client.command('EHLO client.example.org')
    const mail = 'MAIL FROM:<ann@example.net> BODY=8BITMIME ENVID=QQ+2B314159'
    const rcpt = 'RCPT TO:<ben@example.org> NOTIFY=NEVER ORCPT=rfc822;Ben+2B@example.org'
    t.match(await client.command(mail), /^250 2\.1\.0 /)
    t.match(await client.command(rcpt), /^250 /)
    await client.command('QUIT')
    t.ok(next.commands.includes(mail))
    t.ok(next.commands.includes(rcpt))
  })

  // promise: proxy-reject
  t.test(
    'content is rejected with a negative reply, and not completed at the next server',
    async (t) => {
      const before = next.got.length
      const commands = next.commands.length
      t.match((await send(postfix.port, virus)).data, /^550 5\.7\.1 /)
      t.equal(next.got.length, before)
      t.notOk(next.commands.slice(commands).includes('DATA'))
    },
  )

  // promise: rule-6-acknowledge, proxy-accept
  t.test('content is accepted with the reply of the next server', async (t) => {
    t.match((await send(postfix.port, clean)).data, /^250 2\.0\.0 next queued it as \d+ for 1$/)
    next.script = (verb) => (verb === '.' ? '554 5.6.0 next does not like it' : undefined)
    t.equal((await send(postfix.port, clean)).data, '554 5.6.0 next does not like it')
    next.script = (verb) => (verb === 'DATA' ? '452 4.3.1 next is full' : undefined)
    t.equal((await send(postfix.port, clean)).data, '452 4.3.1 next is full')
    next.script = undefined
  })

  // promise: proxy-accept
  t.test('a recipient is rejected with the reply of the next server', async (t) => {
    next.script = (verb) => (verb === 'RCPT' ? '550 5.1.1 next knows nobody' : undefined)
    t.equal((await send(postfix.port, clean)).rcpt[0], '550 5.1.1 next knows nobody')
    next.script = undefined
  })

  /** Resolves to a client that has sent EHLO to the Postfix in front, and the answer. */
  async function greet(t: Test) {
    const client = await callDoor(postfix.port)
    t.teardown(() => client.socket.destroy())
    await client.hear()
    return { client, offer: await client.command('EHLO client.example.org') }
  }

  // promise: proxy-syntax
  t.test('MAIL and RCPT are accepted in the same syntax as by Postfix', async (t) => {
    const forms: readonly (readonly [mail: string, rcpt: string])[] = [
      ['mail from:<ann@example.net>', 'rcpt to:<ben@example.org>'],
      ['MAIL FROM: <ann@example.net>', 'RCPT TO: <ben@example.org>'],
      ['MAIL FROM:<>', 'RCPT TO:<"ben ben"@example.org>'],
      ['MAIL FROM:ann@example.net', 'RCPT TO:ben@example.org'],
      ['MAIL FROM:<@route.example:ann@example.net>', 'RCPT TO:<@route.example:ben@example.org>'],
      ['MAIL FROM:<"a>b"@example.net> SIZE=10', 'RCPT TO:<"b@b"@example.org>'],
      ['MAIL FROM:<Ann@[192.0.2.1]>', 'RCPT TO:<ben@[192.0.2.1]>'],
    ]
    const { client } = await greet(t)
    for (const [mail, rcpt] of forms) {
      t.match(await client.command(mail), /^250 /, mail)
      t.match(await client.command(rcpt), /^250 /, rcpt)
      t.same(next.commands.slice(-2), [mail, rcpt])
      await client.command('RSET')
    }
    await client.command('QUIT')
  })

  // promise: proxy-features
  t.test(
    'a feature that the next server lacks is refused with its text, or switched off in front',
    async (t) => {
      next.script = (_, line) => (/ RET=/.test(line) ? '555 5.5.4 next knows no RET' : undefined)
      const { client, offer } = await greet(t)
      t.match(offer, /DSN/)
      await client.command('MAIL FROM:<ann@example.net> RET=HDRS')
      t.equal(await client.command('RCPT TO:<ben@example.org>'), '555 5.5.4 next knows no RET')
      await client.command('QUIT')
      const main = { smtpd_discard_ehlo_keywords: 'dsn' }
      const less = await startPostfix(t, next.port, main, { smtpd: proxied })
      const other = await callDoor(less.port)
      t.teardown(() => other.socket.destroy())
      await other.hear()
      t.notMatch(await other.command('EHLO client.example.org'), /DSN/)
      next.script = undefined
    },
  )

  // promise: proxy-xforward
  t.test('XFORWARD reaches the next server unchanged', async (t) => {
    const before = next.commands.length
    await send(postfix.port, clean)
    const forwarded = next.commands.slice(before).filter((line) => line.startsWith('XFORWARD '))
    t.match(forwarded.join(' '), /ADDR=127\.0\.0\.1\b/)
    t.match(forwarded.join(' '), /PORT=\d+/)
  })

  // promise: proxy-reject
  t.test('refused content leaves no transaction open at the next server', async (t) => {
    await send(postfix.port, virus)
    t.ok(await until(() => next.open === 0, 'the connection is closed'))
  })

  // promise: proxy-commands
  t.test('Postfix sends no other command, and the filter makes none', async (t) => {
    const known = /^(EHLO|XFORWARD|MAIL|RCPT|DATA|RSET|QUIT|HELO)\b/i
    t.same(
      next.commands.filter((line) => !known.test(line)),
      [],
    )
  })
})
