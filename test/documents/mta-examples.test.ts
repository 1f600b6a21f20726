import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { clamdMissing, EICAR, EICAR_NAME, startClamd } from '../programs/clamd.ts'
import { freePort } from '../programs/free-port.ts'
import { headerValues } from '../programs/header-values.ts'
import { startMailboxes } from '../programs/mailboxes.ts'
import { postfixMissing, startPostfix } from '../programs/postfix.ts'
import { sendmailMissing, startSendmail } from '../programs/sendmail.ts'
import { type Receiver, startReceiver } from '../programs/smtp-receiver.ts'
import { openSmtp, type Sent } from '../programs/smtp-session.ts'

/** The settings for MTAs that the documents quote, in real MTAs; only ports are changed. */

const root = join(import.meta.dirname, '../..')
const infected = Buffer.concat([plain, bytes(`${EICAR}\n`)])
const recipients = ['full@example.org', 'room@example.org']

/** An example with a port of this test instead of its own. */
function example(name: string, ports: Readonly<Record<string, number>>): string {
  let text = readFileSync(join(root, 'packaging/examples', name), 'utf8')
  for (const [from, to] of Object.entries(ports)) {
    if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`)
    text = text.replaceAll(from, String(to))
  }
  return text
}

/** main.cf as startPostfix() takes it. */
function settingsOf(text: string): Record<string, string> {
  const lines = text.replace(/^#.*\n/gm, '').replace(/\n[ \t]+/g, ' ')
  return Object.fromEntries(
    [...lines.matchAll(/^(\w+) *= *(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
}

t.test('the milter', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd()
  t.teardown(() => clamd.stop())
  const port = await freePort()
  const QUOTAD = await startMailboxes(t)

  /** onescand as the documents set it up, while the test lasts. */
  const serve = async (t: Test) => {
    const daemon = startOnescand(t, {
      args: ['--milter', `inet:127.0.0.1:${port}`],
      settings: {
        QHPSI: 'plugin: clamd',
        REJECTVIRUS: '1',
        CLAMD: clamd.socket,
        QUOTAD,
        QUOTANAME: 'local',
      },
    })
    await daemon.logged(/serving/)
  }

  async function look(t: Test, mta: { readonly port: number }, receiver: Receiver) {
    t.match((await send(mta.port, plain)).mail, /^4/, 'without onescand mail is put off')
    await serve(t)
    const { rcpt, data } = await send(mta.port, plain)
    t.match(rcpt[0], '452 4.2.2 Quota exceeded for <full@example.org>, try again later')
    t.match(data, /^250 /)
    const mail = await receiver.next()
    t.same(mail.recipients, ['room@example.org'])
    t.same(headerValues(mail.message, 'X-QHPSI'), ['clean'])
    const refused = await send(mta.port, infected)
    t.equal(refused.data, `550 5.7.1 message refused: virus ${EICAR_NAME}`)
  }

  t.test('postfix-main.cf', { skip: postfixMissing }, async (t) => {
    const receiver = await startReceiver()
    t.teardown(receiver.stop)
    const settings = settingsOf(example('postfix-main.cf', { 8890: port }))
    t.equal(Object.keys(settings).length, 4)
    const postfix = await startPostfix(receiver.port, settings)
    t.teardown(postfix.stop)
    await look(t, postfix, receiver)
    postfix.submit(Buffer.from('To: room@example.org\n\nby hand\n'), '-t')
    t.same(headerValues((await receiver.next()).message, 'X-QHPSI'), ['clean'])
    const hidden = await send(postfix.port, bytes('Subject: x\0y\n\nhello\n'))
    t.match(hidden.data, /^550 /, 'NULs are refused')
  })

  t.test('sendmail.mc', { skip: sendmailMissing }, async (t) => {
    const receiver = await startReceiver()
    t.teardown(receiver.stop)
    const sendmail = await startSendmail(receiver.port, example('sendmail.mc', { 8890: port }))
    t.teardown(sendmail.stop)
    await look(t, sendmail, receiver)
  })
})

t.test('postfix-policy.cf', { skip: postfixMissing }, async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const port = await freePort()
  const postfix = await startPostfix(receiver.port, {
    ...settingsOf(example('postfix-policy.cf', { 8889: port })),
    mynetworks: '192.0.2.0/24', // or this client would be asked nothing
    relay_domains: 'example.org',
  })
  t.teardown(postfix.stop)
  const unasked = await send(postfix.port, plain)
  t.match(unasked.rcpt, [/^250 /, /^250 /], 'without onescand nobody is full')
  await receiver.next()

  const QUOTAD = await startMailboxes(t)
  const daemon = startOnescand(t, {
    args: ['--policy', `inet:127.0.0.1:${port}`],
    settings: { QUOTAD, QUOTANAME: 'local' },
  })
  await daemon.logged(/serving/)
  const { rcpt } = await send(postfix.port, plain)
  t.match(rcpt[0], /^452 4\.2\.2 .*Quota exceeded for <full@example\.org>/)
  t.match(rcpt[1], /^250 /)
  t.same((await receiver.next()).recipients, ['room@example.org'])
})

t.test('the settings of the package name the ports of the examples', async (t) => {
  const settings = readFileSync(join(root, 'packaging/deb/onescand.default'), 'utf8')
  t.match(settings, '--milter inet:127.0.0.1:8890')
  t.match(settings, '--policy inet:127.0.0.1:8889')
})

async function send(port: number, message: Buffer): Promise<Sent> {
  const session = await openSmtp(port)
  const sent = await session.send({ from: 'ann@example.net', to: recipients, message })
  await session.quit()
  return sent
}
