import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { lacks } from '../../needs.mjs'
import { isWhole } from '../../run/is-whole.ts'
import { quickest, startOnescand } from '../../scanner/daemon/process.ts'
import { evasions } from '../../scanner/scan/scanners/evasions/all.ts'
import { startClamdForEvasions } from '../../scanner/scan/scanners/evasions/clamd.ts'
import { messageOf } from '../../scanner/scan/scanners/evasions/compose.ts'
import { judgeMessage } from '../../scanner/scan/scanners/evasions/judge-message.ts'
import { hiddenClasses } from '../../scanner/scan/scanners/second-look/classes.ts'
import { example } from '../example.ts'
import { headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import type { Ending } from '../host/server.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'
import { openPassage } from '../servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startRspamd } from '../servers/rspamd.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The two ways of doc/rspamd.md, with Postfix and rspamd as Debian configures it: onescand is a milter beside
 * rspamd, which asks no scanner, or rspamd asks onescand.
 */

const skip = postfixMissing || clamdMissing || lacks('rspamd')
const HEADER =
  'From: ann@example.net\nTo: ben@example.org\nSubject: x\nMessage-ID: <1@example.net>\n'
const clean = bytes(`${HEADER}\nhello\n`)
const infected = bytes(`${HEADER}\n${EICAR}\n`)
const spam = bytes(
  `${HEADER}\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n`,
)
/** Mail whose attachment clamd by itself misses. */
const hidden = hiddenClasses.find(({ seenByClamd }) => seenByClamd === undefined)!.message

const page = readFileSync(join(import.meta.dirname, '../../../doc/rspamd.md'), 'utf8')
const [, asOnPage = ''] = /^smtpd_milters = (.*)$/m.exec(page) ?? []

t.test('onescan as a milter beside rspamd', { skip }, async (t) => {
  const clamd = await startClamdForEvasions(t)
  const rspamd = await startRspamd(t)
  const passage = await openPassage(t, (t, relayPort, milter) =>
    startPostfix(t, relayPort, {
      smtpd_milters: asOnPage
        .replace('inet:localhost:11332', rspamd)
        .replace('unix:onescan/milter.sock', milter),
      non_smtpd_milters: '$smtpd_milters',
      milter_default_action: 'accept',
    }),
  )
  const send = async (message: Buffer) => {
    const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
    return (await sendMail(passage.port, { ...envelope, message })).data
  }
  const settings = { QHPSI: 'plugin: clamd', REJECTVIRUS: '1', CLAMD: clamd.socket }

  const { mail } = await sendMail(passage.port, {
    from: '',
    to: ['ben@example.org'],
    message: clean,
  })
  t.match(mail, /^451 /, 'while onescand is down, mail is deferred')

  t.test('both look at mail, and onescand refuses viruses', async (t) => {
    await passage.serve(t, settings)
    t.match(await send(clean), /^250 /)
    const { message } = await passage.receiver.next()
    t.same(headerValues(message, 'X-QHPSI'), ['clean'])
    t.equal(await send(infected), `550 5.7.1 message refused: virus ${EICAR_NAME}`)
    t.match(await send(hidden), /^550 5\.7\.1 message refused: virus /)
    t.match(await send(spam), /^5.*Gtube/i, 'the spam test mail is refused by rspamd')
  })

  t.test('mail that hides a file is refused, or harmless as delivered', async (t) => {
    await passage.serve(t, settings)
    const all = Object.values(evasions).flat()
    const hiding = isWhole ? all : all.filter((_, index) => index % 40 === 0)
    let harmless = 0
    for (const evasion of hiding) {
      const reply = await send(messageOf(evasion, '\n'))
      if (reply.startsWith('5')) continue
      t.match(reply, /^250 /, evasion.name)
      // Postfix has removed what a program would decode, such as bare CRs.
      const { isFound } = await judgeMessage(clamd.socket, (await passage.receiver.next()).message)
      t.notOk(isFound, evasion.name)
      harmless++
    }
    t.ok(harmless < hiding.length / 10, `${hiding.length} messages, ${harmless} of them harmless`)
  })

  t.test('while clamd is down, mail is deferred', async (t) => {
    await passage.serve(t, { ...settings, CLAMD: '/nonexistent' })
    t.match(await send(clean), /^451 4\.7\.1 message could not be scanned, try again later/)
  })
})

/** The three files that are copied to local.d. */
const copied = (clamdPort: number) => ({
  'antivirus.conf': example('rspamd/antivirus.conf', {
    '127.0.0.1:3311': `127.0.0.1:${clamdPort}`,
  }),
  'force_actions.conf': example('rspamd/force_actions.conf'),
})

t.test('rspamd that asks onescan', { skip }, async (t) => {
  const clamd = await startClamd(t)
  const port = await freePort()
  const rspamd = await startRspamd(t, copied(port), example('rspamd/options.inc'))
  const receiver = await startReceiver(t)
  const mta = await startPostfix(t, receiver.port, {
    smtpd_milters: rspamd,
    milter_default_action: 'tempfail',
  })
  const serve = (t: Ending, settings: Readonly<Record<string, string>>) =>
    startOnescand(t, {
      program: quickest,
      args: ['--clamd', `inet:127.0.0.1:${port}`],
      settings: { QHPSI: 'plugin: clamd', SCANFAIL_CLAMD: 'limit', ...settings },
    })
  const send = async (message: Buffer) => {
    const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
    return (await sendMail(mta.port, { ...envelope, message })).data
  }
  const DEFERRED = /^4\d\d 4\.7\.1 Try again later: not scanned/

  t.match(await send(clean), DEFERRED, 'while onescand is down, mail is deferred')

  t.test('findings of onescan are refused', async (t) => {
    const onescand = await serve(t, { CLAMD: clamd.socket })
    t.match(await send(clean), /^250 /)
    t.ok((await receiver.next()).message.includes('hello'))
    t.match(await send(infected), /^554 /)
    await onescand.logged(/decision=reject scan=infected .*interface=clamd/)
    t.match(await send(hidden), /^554 /)
  })

  t.test('while clamd is down, mail is deferred', async (t) => {
    await serve(t, { CLAMD: '/nonexistent' })
    t.match(await send(clean), DEFERRED)
  })
})
