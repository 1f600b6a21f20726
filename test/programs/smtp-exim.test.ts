import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bytes } from '../cases/case.ts'
import { buildStage } from '../cases/stage.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { example } from './example.ts'
import { eximMissing, eximParts, startExim } from './exim.ts'
import { freePort } from './free-port.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { startReceiver } from './smtp-receiver.ts'
import { openSmtp } from './smtp-session.ts'

/**
 * Exim sends its mail through onescand and takes it back on another port, as the documents set it
 * up.
 */

const mail = (line: string) => bytes(`Subject: x\nTo: ben@example.org\n\n${line}\n.\n`)

t.test('behind the queue of Exim', { skip: eximMissing }, async (t) => {
  const stage = buildStage()
  t.teardown(stage.remove)
  const receiver = await startReceiver()
  const [port, filter, back] = [await freePort(), await freePort(), await freePort()]
  const text = example('exim.conf', {
    '<; 0.0.0.0 ; ::0 ;': `<; 127.0.0.1.${port} ;`,
    10025: filter,
    10026: back,
  })
  const exim = await startExim(t, receiver.port, eximParts(text), port)
  t.teardown(async () => {
    await exim.stop()
    await receiver.stop()
  })

  const serve = async (t: Test, settings: Readonly<Record<string, string>> = {}) => {
    const daemon = startOnescand(t, {
      args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${back}`, '--after-queue'],
      settings: { QHPSI: stage.scanner, REJECTVIRUS: '1', ...settings },
    }) // biome-ignore format: a list
    await daemon.logged(/serving/)
    return daemon
  }
  const send = async (message: Buffer) => {
    const session = await openSmtp(port)
    const to = ['ben@example.org']
    const sent = await session.send({ from: 'ann@example.net', to, message })
    await session.quit()
    return sent.data
  }

  t.test('clean mail is tagged, and its text is untouched', async (t) => {
    await serve(t)
    t.match(await send(mail('hello')), /^250 OK id=/)
    const { message, recipients } = await receiver.next()
    t.same(recipients, ['ben@example.org'])
    t.same(headerValues(message, 'X-QHPSI'), ['clean'])
    t.equal(bodyOf(message).toString(), 'hello\n.\n')
    t.notMatch(exim.log(), / (==|SMTP error) /, 'at the first attempt')
  })

  t.test('mail that could not be scanned stays in the queue, and is sent again', async (t) => {
    await serve(t)
    await send(mail('TROUBLE'))
    while (!/451 4\.7\.1 message could not be scanned/.test(exim.log())) await wait(20)
    t.equal(exim.queued(), 1)
  })

  t.test(
    'mail stays in the queue while onescand is away, and is scanned when it is back',
    async (t) => {
      const before = receiver.count()
      await send(mail('later'))
      while (!/Connection refused/.test(exim.log())) await wait(20)
      t.equal(receiver.count(), before)
      await serve(t, { SCANFAIL: 'accept' })
      await exim.tryAgain()
      const bodies = new Set<string>()
      while (bodies.size < 2) {
        bodies.add(bodyOf((await receiver.next()).message).toString())
      }
      t.same([...bodies].sort(), ['TROUBLE\n.\n', 'later\n.\n'])
    },
  )
})
