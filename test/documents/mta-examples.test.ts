import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { example } from '../programs/example.ts'
import { headerValues } from '../programs/header-values.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../programs/servers/clamd.ts'
import { startMailboxes } from '../programs/servers/mailboxes.ts'
import { postfixMissing, startPostfix } from '../programs/servers/postfix.ts'
import { sendmailMissing, startSendmail } from '../programs/servers/sendmail.ts'
import { type Receiver, startReceiver } from '../programs/servers/smtp-receiver.ts'
import { type Sent, sendMail } from '../programs/servers/smtp-session.ts'
import { startOnescand } from '../scanner/daemon/process.ts'

/** The settings for MTAs that the documents quote, in real MTAs; only ports are changed. */

const root = join(import.meta.dirname, '../..')
const infected = Buffer.concat([plain, bytes(`${EICAR}\n`)])
const recipients = ['full@example.org', 'room@example.org']

/** Where the examples for Postfix have the socket, in the queue of this one; the directory is made. */
function placeIn(queue: string, name: string): string {
  mkdirSync(join(queue, 'onescan'), { recursive: true })
  return `unix:${join(queue, 'onescan', name)}`
}

/** main.cf as startPostfix() takes it. */
function settingsOf(text: string): Record<string, string> {
  const lines = text.replace(/^#.*\n/gm, '').replace(/\n[ \t]+/g, ' ')
  return Object.fromEntries(
    [...lines.matchAll(/^(\w+) *= *(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
}

t.test('the milter', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const QUOTAD = await startMailboxes(t)

  /** onescand as the documents set it up, while the test lasts. */
  const serve = async (t: Test, place: string) => {
    await startOnescand(t, {
      args: ['--milter', place, '--group', 'postfix'],
      settings: {
        QHPSI: 'plugin: clamd',
        REJECTVIRUS: '1',
        CLAMD: clamd.socket,
        QUOTAD,
        QUOTANAME: 'local',
        QUOTATIMEOUT: '30000',
      },
    })
  }

  async function look(t: Test, mta: { readonly port: number }, receiver: Receiver, place: string) {
    t.match((await send(mta.port, plain)).mail, /^4/, 'without onescand mail is deferred')
    await serve(t, place)
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
    const receiver = await startReceiver(t)
    const settings = settingsOf(example('postfix/postfix-main.cf'))
    t.equal(Object.keys(settings).length, 3)
    const postfix = await startPostfix(t, receiver.port, settings)
    await look(t, postfix, receiver, placeIn(postfix.queue, 'milter.sock'))
    postfix.submit(Buffer.from('To: room@example.org\n\nby hand\n'), '-t')
    t.same(headerValues((await receiver.next()).message, 'X-QHPSI'), ['clean'])
    const hidden = await send(postfix.port, bytes('Subject: x\0y\n\nhello\n'))
    t.match(hidden.data, /^550 /, 'NULs are refused')
  })

  t.test('sendmail.mc', { skip: sendmailMissing }, async (t) => {
    const receiver = await startReceiver(t)
    const path = join(socketDirectory(t), 'milter.sock')
    const places = { '/run/onescan/milter.sock': path }
    const sendmail = await startSendmail(t, receiver.port, example('sendmail/sendmail.mc', places))
    await look(t, sendmail, receiver, `unix:${path}`)
  })
})

t.test('postfix-policy.cf', { skip: postfixMissing }, async (t) => {
  const receiver = await startReceiver(t)
  const postfix = await startPostfix(t, receiver.port, {
    ...settingsOf(example('postfix/postfix-policy.cf')),
    mynetworks: '192.0.2.0/24', // or this client would be asked nothing
    relay_domains: 'example.org',
  })
  const unasked = await send(postfix.port, plain)
  t.match(unasked.rcpt, [/^250 /, /^250 /], 'without onescand nobody is full')
  await receiver.next()

  const QUOTAD = await startMailboxes(t)
  await startOnescand(t, {
    args: ['--policy', placeIn(postfix.queue, 'policy.sock'), '--group', 'postfix'],
    settings: { QUOTAD, QUOTANAME: 'local', QUOTATIMEOUT: '30000' },
  })
  const { rcpt } = await send(postfix.port, plain)
  t.match(rcpt[0], /^452 4\.2\.2 .*Quota exceeded for <full@example\.org>/)
  t.match(rcpt[1], /^250 /)
  t.same((await receiver.next()).recipients, ['room@example.org'])
})

// promise: root-taken-port
t.test(
  'settings, run script and units of the package name the places of the examples',
  async (t) => {
    const own = (path: string) => readFileSync(join(root, 'packaging/shipped', path), 'utf8')
    const unit = (name: string) =>
      readFileSync(join(root, `packaging/shipped/systemd/${name}.socket`), 'utf8')
    for (const [option, name, file] of [
      ['milter', 'onescan-postfix', 'supervise/onescand/run'],
      ['policy', 'onescan-policy', 'etc-default/onescand'],
    ] as const) {
      const path = `/var/spool/postfix/onescan/${option}.sock`
      t.match(own(file), `--${option} unix:${path}`)
      t.match(unit(name), `\nListenStream=${path}\n`)
      t.match(
        example(`postfix/postfix-${option === 'milter' ? 'main' : 'policy'}.cf`),
        `unix:onescan/${option}.sock`,
      )
    }
    t.match(example('sendmail/sendmail.mc'), 'S=local:/run/onescan/milter.sock,')
    t.match(unit('onescan-milter'), '\nListenStream=/run/onescan/milter.sock\n')
  },
)

function send(port: number, message: Buffer): Promise<Sent> {
  return sendMail(port, { from: 'ann@example.net', to: recipients, message })
}
