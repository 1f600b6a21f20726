import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { listen } from '../host/listen.ts'
import { openDirectory } from '../host/reachable.ts'
import { filled, demandingMail as mail } from '../milter/demanding-mail.ts'
import { CHECKED, COPIES, demandingPostfix, SIZE_MAX } from '../milter/demanding-postfix.ts'
import { type Postfix, postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The examples for Postfix pass mail on as it is, and ask nobody twice, on a host whose main.cf refuses, asks, maps,
 * copies, changes and encrypts whatever it can.
 */

/** A client of another host, for which the restrictions of main.cf make an exception. */
const CLIENT = '127.0.0.2'
/** What each list of restrictions asks about a message with one recipient. */
const ASKED_ONCE = ['RCPT', 'RCPT', 'RCPT', 'RCPT', 'RCPT', 'DATA', 'END-OF-MESSAGE']

interface Way {
  readonly name: string
  readonly file: string
  readonly door: '--smtp' | '--lmtp' | '--milter'
  readonly main: (port: number) => Readonly<Record<string, string>>
  /** Whether mail of sendmail(1) goes this way. */
  readonly isLocal: boolean
}

const ways: readonly Way[] = [
  {
    name: 'before the queue',
    file: 'postfix/postfix-before-queue.cf',
    door: '--smtp',
    main: () => ({}),
    isLocal: false,
  },
  {
    name: 'after the queue',
    file: 'postfix/postfix-after-queue.cf',
    door: '--smtp',
    main: (port) => ({
      content_filter: `scan:[127.0.0.1]:${port}`,
      receive_override_options: 'no_address_mappings',
    }),
    isLocal: true,
  },
  {
    name: 'before mailboxes, by LMTP',
    file: 'postfix/postfix-lmtp.cf',
    door: '--lmtp',
    main: (port) => ({
      virtual_mailbox_domains: 'example.org',
      virtual_mailbox_maps: 'static:all',
      virtual_transport: `scan-lmtp:inet:127.0.0.1:${port}`,
      // The stand-in for the mailboxes gives one answer for a message.
      'scan-lmtp_destination_recipient_limit': '1',
    }),
    isLocal: true,
  },
  {
    name: 'by the milter',
    file: 'postfix/postfix-main.cf',
    door: '--milter',
    main: (port) => {
      const lines = example('postfix/postfix-main.cf', {
        'unix:onescan/milter.sock': `inet:127.0.0.1:${port}`,
      })
      const set = [...lines.matchAll(/^(\w+) *= *(.*)$/gm)]
      return Object.fromEntries(set.map(([, name = '', value = '']) => [name, value]))
    },
    isLocal: true,
  },
]

for (const way of ways) {
  t.test(`Postfix ${way.name}`, { skip: postfixMissing }, async (t) => {
    const { postfix, receiver, asked, onescand, milter } = await openDemandingHost(t, way)
    /** Each mail so far comes once to its recipient and to whom the host copies mail to, as it was sent. */
    const comesAsItIs = async (t: Test, sender: string, message: Buffer) => {
      await until(() => postfix.queued() === 0, 'Postfix has handed on all mail')
      const recipients: string[] = []
      for (let left = receiver.count() - before; left > 0; left--) {
        const got = await receiver.next()
        recipients.push(...got.recipients)
        t.equal(got.sender, sender)
        t.ok(bodyOf(got.message).equals(bodyOf(message)), 'the body is as it was')
        const added = ['Received', 'X-QHPSI', CHECKED, 'Delivered-To']
        const own = headerNames(got.message).filter((name) => !added.includes(name))
        t.same(own, headerNames(message), 'the header is as it was')
        for (const name of own) {
          t.same(headerValues(got.message, name), headerValues(message, name))
        }
        t.same(headerValues(got.message, 'X-QHPSI'), ['clean'])
        t.same(headerValues(got.message, CHECKED), ['once'])
      }
      t.same(recipients.sort(), [...COPIES, 'ben.mapped@example.org'].sort(), 'each once')
      t.notMatch(postfix.log(), /status=(bounced|deferred)/)
    }
    let before = receiver.count()

    const sendIt = (message: Buffer) =>
      sendMail(postfix.port, { from: 'ann@example.com', to: ['ben@example.org'], message }, CLIENT)

    await t.test('mail of a client', async (t) => {
      t.match((await sendIt(mail)).data, /^250 /)
      await comesAsItIs(t, 'again.ann@example.com', mail)
      t.same(asked, ASKED_ONCE, 'services of the host are asked once')
      t.equal(milter.log.filter((line) => / decision=/.test(line)).length, 1, 'and so are milters')
    })

    await t.test('the largest mail that Postfix takes', async (t) => {
      before = receiver.count()
      let message: Buffer
      for (let size = SIZE_MAX; ; size -= 100) {
        message = filled(mail, size)
        const { data } = await sendIt(message)
        if (data.startsWith('250')) break
        t.match(data, way.name === 'before the queue' ? /^552 .* Error: / : /^552 /, 'its own word')
      }
      await comesAsItIs(t, 'again.ann@example.com', message)
    })

    if (!way.isLocal) return
    await t.test('mail of a program of the host', async (t) => {
      before = receiver.count()
      asked.splice(0)
      postfix.submit(mail, '-i', '-f', 'ann@example.net', 'ben@example.org')
      await comesAsItIs(t, 'ann@example.net', mail)
      t.same(asked, [])
    })

    if (way.name === 'by the milter') return
    await t.test('while onescand is away, mail stays in the queue', async (t) => {
      onescand.kill()
      await onescand.ended
      before = receiver.count()
      postfix.submit(mail, '-i', '-f', 'ann@example.net', 'ben@example.org')
      await until(() => /status=(deferred|bounced|sent)/.test(postfix.log().slice(-2000)), 'it has tried') // biome-ignore format: a line
      t.equal(receiver.count(), before)
      t.not(postfix.queued(), 0)
    })
  })
}

async function openDemandingHost(t: Test, way: Way) {
  const stage = buildStage(t)
  const receiver = await startReceiver(t)
  const [filter, back, second] = [await freePort(), await freePort(), await freePort()]
  const { asked, port: policy } = await startPolicyService(t)
  const other = (await startReceiver(t)).port
  const directory = openDirectory(t)
  const demands = demandingPostfix({ directory, policy, other, client: CLIENT })
  const own = way.main(filter)
  const milters = [`inet:127.0.0.1:${second}`, own.smtpd_milters ?? ''].join(' ')
  const main = {
    ...demands.main,
    notify_classes: '',
    mynetworks: CLIENT,
    default_transport: 'out',
    ...own,
    smtpd_milters: milters,
    non_smtpd_milters: own.non_smtpd_milters === undefined ? '' : '$smtpd_milters',
  }
  const lines =
    way.file === 'postfix/postfix-main.cf'
      ? ''
      : example(way.file).replaceAll('10025', String(filter))
  const text = lines
    .replaceAll('10026', String(back))
    .replace(/^(\S+ +(?:inet|unix) +\S +\S +)y/gm, '$1n')
  const ofClients = /^smtp +inet .*\n(?:[ #].*\n)*/m
  const [proxied] = ofClients.exec(text) ?? []
  // This client knows neither TLS nor passwords.
  const plain = ['tls_security_level=none', 'tls_wrappermode=no', 'sasl_auth_enable=no', 'upstream_proxy_protocol='] // biome-ignore format: a line
  const options = plain.map((option) => `  -o smtpd_${option}\n`).join('')
  const postfix: Postfix = await startPostfix(t, receiver.port, main, {
    smtpd: (port) =>
      `${(proxied ?? 'smtp inet n - n - - smtpd').replace(/^smtp /, `127.0.0.1:${port} `).trimEnd()}\n${options.trimEnd()}`,
    services: `${text.replace(ofClients, '')}out unix - - n - - smtp\n${demands.defaults}`,
  })
  const settings = { QHPSI: stage.scanner }
  const milter = await startOnescand(t, {
    args: ['--milter', `inet:127.0.0.1:${second}`],
    settings,
  })
  const listens = [way.door, `inet:127.0.0.1:${filter}`]
  const next = `inet:127.0.0.1:${way.door === '--lmtp' ? receiver.port : back}`
  const queued = way.name === 'before the queue' ? [] : ['--after-queue']
  const args = way.door === '--milter' ? listens : [...listens, '--next', next, ...queued]
  const onescand = await startOnescand(t, { args, settings })
  return { postfix, receiver, asked, onescand, milter }
}

/** A policy service that has nothing against any mail, and notes at which step it was asked. */
async function startPolicyService(t: Test) {
  const asked: string[] = []
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const [, state] = /^protocol_state=(.*)$/.exec(line) ?? []
      if (state !== undefined) asked.push(state)
      if (line === '') socket.write('action=DUNNO\n\n')
    })
  })
  return { asked, port: await listen(t, server) }
}
