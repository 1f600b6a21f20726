import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { until } from '../run/until.ts'
import { clamdMissing, EICAR_NAME, startClamd } from './clamd.ts'
import { example } from './example.ts'
import { eximMissing, startExim } from './exim.ts'
import { freePort } from './free-port.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { openSmtp, sendMail } from './smtp-session.ts'

/**
 * Debian's own Exim after the steps of doc/mail-servers.md: only ports and places are others.
 */

const page = readFileSync(join(import.meta.dirname, '../../doc/mail-servers.md'), 'utf8')
const section = /^### Exim.*?(?=^##)/ms.exec(page)![0]

const mail = (line: string) =>
  bytes(`Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: x\nTo: ben@example.org\n\n${line}\n.\n`)

t.test('Exim on Debian', { skip: eximMissing || clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const ports = new Map<string, number>()
  for (const port of ['10025', '10026', '10027']) ports.set(port, await freePort())
  const here = (text: string) => text.replace(/\b1002[567]\b/g, (port) => String(ports.get(port)))
  const port = await freePort()
  const steps = example('exim-debian', { '0.0.0.0 ; ::0 ;': `127.0.0.1.${port} ;` })
  const exim = await startExim(t, here(steps), port)

  const settings = Object.fromEntries(
    [...section.matchAll(/^([A-Z_]+)="(.*)"$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  const serve = async () => {
    const { ONESCAND_OPTIONS = '', ...others } = settings
    return startOnescand(t, {
      args: here(ONESCAND_OPTIONS).split(' '),
      settings: { ...others, CLAMD: clamd.socket },
    })
  }
  const onescand = await serve()

  /** What a client outside reads, which may not relay, and whose sender is forged. */
  const send = (message: Buffer, ...to: string[]) => {
    return sendMail(port, { from: 'forged@example.net', to, message }, '127.0.0.2')
  }
  const untilDelivered = async (count: number) => {
    await until(() => exim.delivered().length >= count, `${count} messages are delivered`)
    return exim.delivered()
  }
  const nothingBounced = () => t.notMatch(exim.log(), / <= <> | \*\* /, 'nothing was bounced')

  await t.test('clean mail is tagged before the client has its answer', async (t) => {
    const { data } = await send(mail('hello'), 'ben@example.org', 'postmaster@example.org')
    t.match(data, /^250 /)
    t.match(exim.log(), / >> /, 'by onescand, while the client waited')
    const [message] = await untilDelivered(1)
    t.same(headerValues(message!, 'X-QHPSI'), ['clean'])
    t.equal(bodyOf(message!).toString(), 'hello\n.\n')
  })

  await t.test('the client reads that its mail has a virus', async (t) => {
    const session = await openSmtp(port, '127.0.0.2')
    for (const line of [EICAR, `again ${EICAR}`]) {
      const message = mail(`${line}\n${EICAR}`)
      const envelope = { from: 'forged@example.net', to: ['ben@example.org'] }
      const { data } = await session.send({ ...envelope, message })
      t.match(data, `550 5.7.1 message refused: virus ${EICAR_NAME}`)
    }
    await session.quit()
    t.equal(exim.queued(), 0)
    nothingBounced()
  })

  await t.test('unknown users and foreign domains are refused as before', async (t) => {
    const { rcpt, data } = await send(
      mail('x'),
      'nobody-here@example.org',
      'ann@example.com',
      'ben@example.org',
    )
    t.match(rcpt, [/^550 .*Unrouteable/, /^550 .*relay not permitted/, /^250 /])
    t.match(data, /^250 /)
    await untilDelivered(2)
  })

  await t.test('a virus of a program of the host is tagged, and delivered', async (t) => {
    exim.submit(mail(EICAR), 'forged@example.net', 'ben@example.org')
    const messages = await untilDelivered(3)
    const tags = messages.map((message) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['clean', 'clean', 'virus found'])
    nothingBounced()
  })

  await t.test('so is one in a mail of which a recipient was refused', async (t) => {
    const { rcpt, data } = await send(mail(EICAR), 'ben@example.org', 'nobody-here@example.org')
    t.match(rcpt, [/^250 /, /^550 /])
    t.match(data, /^250 /)
    const tags = (await untilDelivered(4)).map((message) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['clean', 'clean', 'virus found', 'virus found'])
    nothingBounced()
  })

  await t.test(
    'while onescand is away, clients try again, and mail of programs waits',
    async (t) => {
      onescand.kill()
      await onescand.ended
      const { rcpt, data } = await send(mail('x'), 'ben@example.org')
      t.match(rcpt[0], /^4/)
      t.match(data, /^503/)
      exim.submit(mail('later'), 'ann@example.org', 'ben@example.org')
      await until(() => /onescan_after_queue.*defer/.test(exim.log()), 'Exim defers the mail')
      t.equal(exim.queued(), 1)
      await serve()
      exim.tryAgain()
      await untilDelivered(5)
      t.equal(exim.queued(), 0)
    },
  )

  await t.test('an error about an error of Exim does not go round', async (t) => {
    exim.submit(mail('x'), 'gone@example.org', 'nobody-here@example.org')
    await until(
      () => / Frozen/.test(exim.log()) && exim.queued() <= 1,
      'Exim freezes the bounce, and has sent all else',
    )
    t.notMatch(exim.log(), / <= <> H=/, 'what Exim writes does not come back as mail of a client')
    t.equal(exim.log().match(/ <= <> /g)?.length, 1)
  })

  await t.test('while clamd is away, the client reads that its mail was not scanned', async (t) => {
    await clamd.stop()
    const before = exim.queued()
    const bounces = exim.log().match(/ <= <> /g)?.length
    const { data } = await send(mail('not seen before'), 'ben@example.org')
    t.match(data, /^451 4\.7\.1 message could not be scanned/)
    t.equal(exim.queued(), before)
    t.equal(exim.log().match(/ <= <> /g)?.length, bounces)
  })
})
