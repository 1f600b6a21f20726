import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bytes } from '../cases/case.ts'
import { buildStage } from '../cases/stage.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { example } from './example.ts'
import { freePort } from './free-port.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { opensmtpdMissing, startOpenSmtpd } from './opensmtpd.ts'
import { openDirectory } from './reachable.ts'
import { startReceiver } from './smtp-receiver.ts'
import { openSmtp } from './smtp-session.ts'

/**
 * Mail servers that send their mail through onescand and take it back on another port, as the
 * documents set them up.
 */

interface Mta {
  log(): string
  /** The number of messages that it has not handed on yet. */
  queued(): number
  /** Has it send what is in its queue, if it can be told to. */
  tryAgain?(): Promise<void>
  stop(): Promise<void>
}

interface Ports {
  readonly port: number
  readonly filter: number
  readonly back: number
  readonly receiver: number
}

interface Row {
  readonly name: string
  readonly missing: string | false
  start(t: Test, ports: Ports): Promise<Mta>
  /** In its log if a message was not handed on at the first attempt. */
  readonly failed: RegExp
}

const rows: readonly Row[] = [
  {
    name: 'OpenSMTPD',
    missing: opensmtpdMissing,
    start(t, { port, filter, back, receiver }) {
      const recipients = join(openDirectory(t), 'recipients')
      writeFileSync(recipients, 'ben@example.org\n')
      const text = example('opensmtpd.conf', {
        '/etc/smtpd.recipients': recipients,
        '0.0.0.0 port 25': `127.0.0.1 port ${port}`,
        10025: filter,
        10026: back,
        'action "deliver" maildir': `action "deliver" relay host smtp://127.0.0.1:${receiver}`,
      })
      return startOpenSmtpd(t, text, port)
    },
    failed: /result="TempFail"/,
  },
]

const mail = (line: string) => bytes(`Subject: x\nTo: ben@example.org\n\n${line}\n.\n`)

for (const { name, missing, start, failed } of rows) {
  t.test(`behind the queue of ${name}`, { skip: missing }, async (t) => {
    const stage = buildStage(t)
    const receiver = await startReceiver()
    const [port, filter, back] = [await freePort(), await freePort(), await freePort()]
    const mta = await start(t, { port, filter, back, receiver: receiver.port })
    t.teardown(async () => {
      await mta.stop()
      await receiver.stop()
    })
    const serve = async (settings: Readonly<Record<string, string>> = {}) => {
      const daemon = startOnescand(t, {
        args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${back}`, '--after-queue'],
        settings: { QHPSI: stage.scanner, REJECTVIRUS: '1', ...settings },
      }) // biome-ignore format: a list
      await daemon.logged(/serving/)
      return daemon
    }
    // One for all: OpenSMTPD leaves a host alone for a while that has closed its connection.
    const onescand = await serve()
    const send = async (message: Buffer) => {
      const session = await openSmtp(port)
      const to = ['ben@example.org']
      const sent = await session.send({ from: 'ann@example.net', to, message })
      await session.quit()
      return sent.data
    }

    t.test('clean mail is tagged, and its text is untouched', async (t) => {
      t.match(await send(mail('hello')), /^250 /)
      const { message, recipients } = await receiver.next()
      t.same(recipients, ['ben@example.org'])
      t.same(headerValues(message, 'X-QHPSI'), ['clean'])
      t.equal(bodyOf(message).toString(), 'hello\n.\n')
      while (mta.queued() > 0) await wait(20)
      t.notMatch(mta.log(), failed, 'at the first attempt')
    })

    t.test('mail for who is not there is refused at once, not returned later', async (t) => {
      const session = await openSmtp(port)
      const to = ['nobody-here@example.org', 'Ben@example.org']
      const { rcpt } = await session.send({ from: 'forged@example.net', to, message: mail('x') })
      await session.quit()
      t.match(rcpt, [/^550 /, /^250 /])
      t.same((await receiver.next()).recipients, ['Ben@example.org'])
      while (mta.queued() > 0) await wait(20)
    })

    t.test('mail that could not be scanned stays in the queue', async (t) => {
      await send(mail('TROUBLE'))
      while (!/451 4\.7\.1 message could not be scanned/.test(mta.log())) await wait(20)
      t.equal(mta.queued(), 1)
    })

    t.test('mail stays in the queue while onescand is away, and is sent again', async (t) => {
      onescand.kill()
      await onescand.ended
      const before = receiver.count()
      await send(mail('later'))
      while (mta.queued() < 2) await wait(20)
      t.equal(receiver.count(), before)
      if (mta.tryAgain === undefined) return
      await serve({ SCANFAIL: 'accept' })
      await mta.tryAgain()
      const bodies = new Set<string>()
      while (bodies.size < 2) bodies.add(bodyOf((await receiver.next()).message).toString())
      t.same([...bodies].sort(), ['TROUBLE\n.\n', 'later\n.\n'])
    })
  })
}
