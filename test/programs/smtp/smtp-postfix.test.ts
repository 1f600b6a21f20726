import t, { type Test } from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { startMailboxes } from '../servers/mailboxes.ts'
import { type Postfix, postfixMissing, startPostfix } from '../servers/postfix.ts'
import { type Receiver, startReceiver } from '../servers/smtp-receiver.ts'
import { openSmtp, sendMail } from '../servers/smtp-session.ts'

/**
 * onescand before and after the queue of a real Postfix, set up as in the documents. The demands of
 * SMTPD_PROXY_README are in smtp-proxy-readme.test.ts.
 */

const clean = bytes('Subject: x\nTo: ben@example.org\n\nhello\n.\n..two\n')
const virus = bytes('Subject: x\nTo: ben@example.org\n\nVIRUS\n')
const trouble = bytes('Subject: x\nTo: ben@example.org\n\nTROUBLE\n')

interface Passage extends Postfix {
  readonly receiver: Receiver
  serve(t: Test, settings: Readonly<Record<string, string>>, ...words: string[]): Promise<Daemon>
}
type Daemon = Awaited<ReturnType<typeof startOnescand>>

/** A filter's settings for master.cf, without chroot. */
const withoutChroot = (text: string) => text.replace(/^(\S+ +(?:inet|unix) +\S +\S +)y/gm, '$1n')

async function openPassage(
  t: Test,
  make: (ports: Readonly<Record<string, number>>) => {
    master: string
    main?: Record<string, string>
  },
): Promise<Passage> {
  const receiver = await startReceiver(t)
  const [filter, behind] = [await freePort(), await freePort()]
  const { master, main = {} } = make({ '10025': filter, '10026': behind })
  const text = withoutChroot(master)
  const ofClients = /^smtp +inet (?:.*\n)(?:[ #].*\n)*/m
  const xclient = { smtpd_authorized_xclient_hosts: '127.0.0.1', notify_classes: '' }
  const [smtpd] = ofClients.exec(text) ?? []
  const postfix = await startPostfix(
    t,
    receiver.port,
    { ...xclient, ...main },
    {
      services: text.replace(ofClients, ''),
      ...(smtpd && { smtpd: (port) => smtpd.replace(/^smtp /, `127.0.0.1:${port} `).trimEnd() }),
    },
  )
  return {
    ...postfix,
    receiver,
    async serve(t, settings, ...words) {
      return startOnescand(t, {
        args: [
          '--smtp',
          `inet:127.0.0.1:${filter}`,
          '--next',
          `inet:127.0.0.1:${behind}`,
          ...words,
        ],
        settings,
      })
    },
  }
}

const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }

const send = (port: number, message: Buffer, to: readonly string[] = envelope.to) =>
  sendMail(port, { ...envelope, to, message })

t.test('before the queue', { skip: postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }

  for (const speedAdjust of [true, false]) {
    // promise: proxy-speed-adjust
    const how = speedAdjust ? 'with speed_adjust' : 'without speed_adjust'
    t.test(how, async (t) => {
      const line = '  -o smtpd_proxy_options=speed_adjust\n'
      const passage = await openPassage(t, (ports) => {
        const master = example('postfix/postfix-before-queue.cf', ports)
        // This client counts as one from elsewhere (SOURCE=REMOTE).
        const main = { mynetworks: '127.0.0.0/8, 192.0.2.7', local_header_rewrite_clients: '' }
        return { master: speedAdjust ? master : master.replace(line, ''), main }
      })
      const { receiver, port } = passage

      t.test('clean mail is tagged, and its text is untouched', async (t) => {
        const daemon = await passage.serve(t, settings)
        const { data } = await send(port, clean)
        t.match(data, /^250 2\.0\.0 Ok: queued as /, 'the words of Postfix')
        const { sender, recipients, message } = await receiver.next()
        t.same([sender, recipients], [envelope.from, envelope.to])
        t.same(headerValues(message, 'X-QHPSI'), ['clean'])
        t.match(
          message.toString(),
          /^Received: .*\n(?:\t.*\n)*X-QHPSI: clean\nReceived: /,
          'below one field',
        )
        t.match(message.toString(), /\n\nhello\n\.\n\.\.two\n$/)
        await daemon.logged(/decision=accept .*reply=250 .*interface=smtp .*remote=127\.0\.0\.1/)
      })

      t.test('a virus is refused by name while its client is connected', async (t) => {
        await passage.serve(t, settings)
        const before = receiver.count()
        t.equal((await send(port, virus)).data, '550 5.7.1 message refused: virus Test-Virus')
        t.match((await send(port, clean)).data, /^250 /)
        await receiver.next()
        t.equal(receiver.count(), before + 1, 'and is not behind')
      })

      // promise: proxy-away
      t.test('while onescand is away, mail is deferred', async (t) => {
        const { mail, rcpt, data } = await send(port, clean)
        t.match(
          [mail, ...rcpt, data].find((reply) => !reply.startsWith('250')),
          /^451 /,
        )
      })

      // promise: proxy-xforward
      t.test('the client is the one that XFORWARD names', async (t) => {
        const daemon = await passage.serve(t, settings)
        const session = await openSmtp(port)
        t.match(await session.command('XCLIENT ADDR=192.0.2.7 NAME=client.example.com'), /^220 /)
        await session.command('EHLO client.example.com')
        t.match((await session.send({ ...envelope, message: clean })).data, /^250 /)
        await session.quit()
        await receiver.next()
        await daemon.logged(/decision=accept .* remote=192\.0\.2\.7 /)
        t.match(passage.log(), /smtpd.*client=client\.example\.com\[192\.0\.2\.7\]/, 'and behind')
      })

      t.test('only the full one of two recipients is deferred', async (t) => {
        const QUOTAD = await startMailboxes(t)
        await passage.serve(t, { ...settings, QUOTAD, QUOTANAME: 'local' })
        const session = await openSmtp(port)
        const to = ['room@example.org', 'full@example.org']
        const { rcpt, data } = await session.send({ ...envelope, to, message: clean })
        await session.quit()
        if (speedAdjust) {
          // Postfix has taken the recipients by itself; it answers for all with the refusal.
          t.match(data, /^452 4\.2\.2 Quota exceeded for <full@example\.org>/)
        } else {
          t.match(rcpt, [/^250 /, /^452 4\.2\.2 Quota exceeded for <full@example\.org>/])
          t.match(data, /^250 /)
          t.same((await receiver.next()).recipients, ['room@example.org'])
        }
      })

      // promise: proxy-speed-adjust
      t.test('messages of one client have verdicts of their own', async (t) => {
        await passage.serve(t, settings)
        const session = await openSmtp(port)
        const replies: string[] = []
        for (const message of [clean, virus, trouble, clean]) {
          replies.push((await session.send({ ...envelope, message })).data)
        }
        await session.quit()
        t.match(replies, [/^250 /, /^550 /, /^451 /, /^250 /])
        await receiver.next()
        await receiver.next()
      })
    })
  }
})

t.test('after the queue', { skip: postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const passage = await openPassage(t, (ports) => ({
    master: example('postfix/postfix-after-queue.cf', ports),
    main: { content_filter: `scan:[127.0.0.1]:${ports['10025']}` },
  }))
  const { receiver, port } = passage
  const serve = (t: Test, settings: Readonly<Record<string, string>> = {}) =>
    passage.serve(t, { QHPSI: stage.scanner, REJECTVIRUS: '1', ...settings }, '--after-queue')

  t.test('clean mail is tagged, and the log has its queue id and client', async (t) => {
    const daemon = await serve(t)
    const { data } = await send(port, clean)
    const [, id] = /queued as (\w+)/.exec(data) ?? []
    t.same(headerValues((await receiver.next()).message, 'X-QHPSI'), ['clean'])
    t.notMatch(passage.log(), /status=deferred/, 'at the first attempt')
    await daemon.logged(new RegExp(`decision=accept .*queue=${id} remote=127\\.0\\.0\\.1 `))
  })

  // promise: rule-9-forged-senders
  t.test('a virus is tagged, and nothing is sent to its sender', async (t) => {
    await serve(t)
    const before = receiver.count()
    t.match((await send(port, virus)).data, /^250 /)
    const { message, recipients } = await receiver.next()
    t.same(headerValues(message, 'X-QHPSI'), ['virus found'])
    t.same(recipients, envelope.to)
    t.equal(receiver.count(), before + 1)
  })

  t.test('a virus goes to quarantine', async (t) => {
    await serve(t, { VIRUSFORWARD: 'quarantine@example.org' })
    await send(port, virus, ['ben@example.org', 'cem@example.org'])
    const { message, recipients } = await receiver.next()
    t.same(recipients, ['quarantine@example.org'])
    t.match(headerValues(message, 'X-Quarantine-ID'), [/ben@example\.org/])
  })

  // promise: rule-9-forged-senders
  t.test('mail that could not be scanned stays in the queue, and is sent again', async (t) => {
    const daemon = await serve(t)
    await send(port, trouble)
    await daemon.logged(/decision=defer .*reply=451 /)
    await until(() => /status=deferred .*451 4\.7\.1/.test(passage.log()), 'Postfix keeps it')
    t.pass('Postfix keeps it')
  })

  t.test(
    'mail of local programs counts as that of relay clients, by SOURCE of XFORWARD',
    async (t) => {
      await serve(t, { CONTROLDIR: stage.rules('auth SCANFAIL=accept\n') })
      passage.submit(trouble, '-t', '-f', 'ann@example.net')
      t.match((await receiver.next()).message.toString(), /TROUBLE/)
    },
  )
})
