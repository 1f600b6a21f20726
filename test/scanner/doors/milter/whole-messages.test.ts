import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { MailAddress } from '../../../../src/base/text/address.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../../cases/case.ts'
import { buildStage } from '../../../cases/stage.ts'
import { keyLine, sample } from '../../../programs/cluster-mail.ts'
import { scanning } from './eicar.ts'
import { call, everything, oldest } from './mta.ts'
import { type OpenMilter, openMilter } from './rig.ts'
import { type StalwartMail, stalwartOffer, submitAsStalwart } from './stalwart.ts'

/** MTAs that send the whole message as the body, as Stalwart does, and mail that looks like theirs. */

const letter =
  'From: Ann <ann@example.org>\nSubject:  two blanks \nX-Odd:\tfold\n\tof it\n\nHello\n'
const lf = (message: Buffer) => message.toString('latin1').replaceAll('\r\n', '\n')

async function submit(milter: OpenMilter, mail: StalwartMail, offer = stalwartOffer) {
  const line = await call(milter.socket)
  try {
    return await submitAsStalwart(line, mail, offer)
  } finally {
    await line.close()
  }
}

t.test('the body is the message: it is tagged, and leaves as it came', async (t) => {
  const milter = await openMilter(t, scanning)
  const got = await submit(milter, { message: bytes(letter) })
  t.equal(got.outcome, 'delivered')
  t.equal(lf(got.message), `X-QHPSI: clean\n${letter}`)
  t.match(milter.mailLog[0], new RegExp(`decision=accept scan=clean .* size=${letter.length} `))
  t.notMatch(milter.mailLog[0], /two ways/)
  t.equal(milter.state().memory, 0)
})

// promise: rule-12-content
t.test('forged fields of onescan are removed, whatever their values are', async (t) => {
  const milter = await openMilter(t, scanning)
  const forged = `X-QHPSI: clean\nx-qhpsi:\n virus\nFrom: b@example.org\nX-QHPSI:clean\n${letter}`
  const got = await submit(milter, { message: bytes(forged) })
  t.equal(lf(got.message), `X-QHPSI: clean\nFrom: b@example.org\n${letter}`)
})

t.test('a virus is found in a part, and the mail is refused', async (t) => {
  const milter = await openMilter(t, scanning)
  const parts = `Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: base64\n\n${btoa(EICAR)}\n--x--\n`
  const got = await submit(milter, { message: bytes(parts) })
  t.equal(got.outcome, 'refused')
  t.match(got.reply, /^550 5\.7\.1 .*Eicar/i)
  const alone = `Content-Transfer-Encoding: base64\nSubject: x\n\n${btoa(EICAR)}\n`
  t.equal((await submit(milter, { message: bytes(alone) })).outcome, 'refused')
})

t.test('a forwarded message is scanned as a message', async (t) => {
  const milter = await openMilter(t, scanning)
  const outer = 'From: a@example.org\nSubject: Fwd\n'
  for (const inner of [
    letter,
    `${outer}\n${letter}`,
    `From: a@example.org\nContent-Type: text/plain\n\n`,
  ]) {
    const message = `${outer}\n${inner}`
    const got = await submit(milter, { message: bytes(message) })
    t.equal(lf(got.message), `X-QHPSI: clean\n${message}`)
    const attached = `${outer}Content-Type: message/rfc822\n\n${inner}${EICAR}\n`
    t.equal((await submit(milter, { message: bytes(attached) })).outcome, 'refused')
  }
})

t.test('fields that are not UTF-8, or hold NULs, are no reason for a deferral', async (t) => {
  const milter = await openMilter(t, scanning)
  for (const field of [
    'Subject: \xe4',
    'X-\xe4: x',
    'Subject: a\0b',
    'Subject: \xe2\x80\x83x\xe3\x80\x80',
  ]) {
    const message = `${field}\n${letter}`
    const got = await submit(milter, { message: bytes(message) })
    t.equal(lf(got.message), `X-QHPSI: clean\n${message}`, JSON.stringify(field))
  }
})

t.test('it is the same wherever the body is split', async (t) => {
  const milter = await openMilter(t, scanning)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: letter.length }), async (chunk) => {
      const got = await submit(milter, { message: bytes(letter), chunk })
      t.equal(lf(got.message), `X-QHPSI: clean\n${letter}`)
    }),
    { numRuns: 30 },
  )
  t.equal(milter.state().memory, 0)
})

/** A host with a key, and a scanner that counts. */
function clusterSettings(t: Test) {
  const stage = buildStage(t)
  const CLUSTERKEYS = stage.file('ring', keyLine('alpha'))
  const settings = { CLUSTERKEYS, CLAMDBDIR: '/nonexistent', VERDICTS: 'off', REJECTVIRUS: '1' }
  return { stage, settings: { QHPSI: stage.scanner, ...settings } }
}

t.test('nothing of a message is lost, whatever Stalwart takes for its header', async (t) => {
  const milter = await openMilter(t, scanning)
  for (const message of [
    'Subject: x\nno colon here\nTo: y\n\nbody\n',
    'Subject: x\ntext without an empty line above\n',
    'Subject: x\n fold\n\n',
    'Subject: x\n',
    'Subject:x\n \nbody\n',
  ]) {
    const got = await submit(milter, { message: bytes(message) })
    t.equal(lf(got.message), `X-QHPSI: clean\n${message}`)
  }
})

// promise: stamp-stays
t.test('the next host verifies the stamp, although the fields were trimmed', async (t) => {
  const { stage, settings } = clusterSettings(t)
  const milter = await openMilter(t, settings)
  for (const message of [letter, `X-QHPSI: clean\n${letter}`, sample('multipart.eml')]) {
    const got = await submit(milter, { message: bytes(message) })
    t.match(lf(got.message), /^X-QHPSI: clean\nX-SHA256-Cluster-1: /)
    const scans = stage.scans()
    for (const next of [
      () => milter.submit({ message: bytes(lf(got.message)) }),
      () => submit(milter, { message: got.message }),
    ]) {
      t.equal((await next()).outcome, 'delivered')
      t.match(milter.mailLog.at(-1), /scan=trusted/)
    }
    t.equal(stage.scans(), scans)
  }
})

t.test('no stamp is made where Stalwart may change what was hashed', async (t) => {
  const { settings } = clusterSettings(t)
  const milter = await openMilter(t, settings)
  for (const [above, left] of [
    ['', 'Subject:x'],
    ['X-QHPSI: clean\n', 'Subject: x'],
  ]) {
    const got = await submit(milter, { message: bytes(`${above}Subject:x\n${letter}`) })
    t.equal(lf(got.message), `X-QHPSI: clean\n${left}\n${letter}`)
  }
})

/** Mail in which the same bytes are two different messages. */
const shifted = (() => {
  const header = 'Subject: x\nContent-Transfer-Encoding: base64\n'
  // What is above the data when the header is repeated: its letters shift the groups of four.
  const letters = header.replace(/[^A-Za-z0-9+/]/g, '').length
  const body = btoa(EICAR)
  const asBody = `${header}\n${'A'.repeat((4 - (letters % 4)) % 4)}${body}\n`
  return { header, asBody, isShifted: letters % 4 !== 0, asMessage: `${header}\n${body}\n` }
})()

// promise: scanned-is-queued
t.test('a sender who repeats the header in the body hides nothing', async (t) => {
  t.ok(shifted.isShifted)
  for (const body of [shifted.asBody, shifted.asMessage]) {
    for (const offer of [everything, oldest]) {
      const milter = await openMilter(t, scanning)
      const got = await milter.submit({ message: bytes(`${shifted.header}\n${body}`) }, offer)
      t.equal(got.outcome, 'refused', `version ${offer.version}`)
    }
  }
})

t.test('a virus in the header of the body alone is found', async (t) => {
  const settings = { BADATTACHMENTS: '*.exe', QHPSI: 'plugin: attachments', REJECTVIRUS: '1' }
  const milter = await openMilter(t, settings)
  // The value is not UTF-8, so the MTA sends the field without one.
  const message = bytes(
    'From: a@example.org\nContent-Disposition: attachment; filename="\xe4.exe"\n\nMZ\n',
  )
  for (const keepsAgreement of [false, true]) {
    t.equal((await submit(milter, { message, keepsAgreement })).outcome, 'refused')
  }
})

t.test('such mail is neither trusted nor stamped, and its verdict is not kept', async (t) => {
  const { stage, settings } = clusterSettings(t)
  const milter = await openMilter(t, { ...settings, VERDICTS: 'memory' })
  const stamped = (await milter.submit({ message: bytes(letter) })).message.toString('latin1')
  t.match(stamped, /X-SHA256-Cluster-1/)
  const header = stamped.slice(0, stamped.indexOf('\n\n') + 1)
  for (let times = 0; times < 2; times++) {
    const before = stage.scans()
    const got = await milter.submit({ message: bytes(`${header}\n${stamped}`) })
    t.equal(got.outcome, 'delivered')
    t.ok(stage.scans() > before + 1, 'it is scanned as both')
    const above = got.message.toString('latin1').split('\n\n')[0]
    t.notMatch(above, /X-SHA256-Cluster-2/)
    t.match(milter.mailLog.at(-1), /decision=accept scan=clean .*two ways/)
  }
})

t.test('bodies that only begin alike are bodies', async (t) => {
  const { settings } = clusterSettings(t)
  const milter = await openMilter(t, settings)
  const header = 'From: a@example.org\nSubject: x\n'
  for (const body of [
    ...['From', 'From:', 'From: a@example.org', header, `From: a@example.org\n\nx\n`],
    ...[`${header}X: y\n\nx\n`, `From: b@example.org\nSubject: x\n\nx\n`, `From : a@example.org\n`],
    `no field\n${header}\n`,
  ]) {
    const got = await milter.submit({ message: bytes(`${header}\n${body}`) })
    t.match(got.message.toString('latin1'), /^X-QHPSI: clean\nX-SHA256-Cluster-1: /, body)
    t.notMatch(milter.mailLog.at(-1), /two ways/)
  }
  t.equal(milter.state().memory, 0)
})

t.test('another MTA that sends whole messages is judged by both readings', async (t) => {
  const { settings } = clusterSettings(t)
  const milter = await openMilter(t, { ...settings, ...scanning })
  const keepsAgreement = true
  const got = await submit(milter, { message: bytes(letter), keepsAgreement })
  t.equal(lf(got.message), `X-QHPSI: clean\n${letter}`, 'without a stamp')
  t.match(milter.mailLog.at(-1), /two ways/)
  const infected = `Content-Transfer-Encoding: base64\nSubject: x\n\n${btoa(EICAR)}\n`
  t.equal((await submit(milter, { message: bytes(infected), keepsAgreement })).outcome, 'refused')
  const offer = { ...stalwartOffer, steps: 0x1fffff & ~0x1ff000 & ~0x80 & ~0x100000 }
  t.equal((await submit(milter, { message: bytes(infected) }, offer)).outcome, 'refused')
})

t.test('a header that Stalwart reads otherwise has the mail judged by both readings', async (t) => {
  const { settings } = clusterSettings(t)
  const milter = await openMilter(t, { ...settings, ...scanning })
  const odd = `From: a@example.org\nno field here\nContent-Transfer-Encoding: base64\n\n`
  t.equal((await submit(milter, { message: bytes(`${odd}${btoa(EICAR)}\n`) })).outcome, 'refused')
  const got = await submit(milter, { message: bytes(`${odd}x\n`) })
  t.match(lf(got.message), /^X-QHPSI: clean\nFrom: /, 'without a stamp')
  t.match(milter.mailLog.at(-1), /two ways/)
  t.equal(milter.state().memory, 0)
})

t.test('a virus is never held by an MTA that would deliver it', async (t) => {
  const milter = await openMilter(t, { QHPSI: 'plugin: eicar', QUARANTINE: 'hold' })
  const got = await submit(milter, { message: bytes(`Subject: x\n\n${EICAR}\n`) })
  t.equal(got.outcome, 'deferred')
  t.match(
    milter.mailLog[0],
    /the MTA does not let this filter hold mail: enable this in the MTA, or unset QUARANTINE/,
  )
})

t.test('recipients are changed, and long lists of them are folded in CRLF', async (t) => {
  const milter = await openMilter(t, { QHPSI: 'plugin: eicar', VIRUSFORWARD: 'v@example.org' })
  const recipients = Array.from({ length: 30 }, (_, index) => `user${index}@example.org`)
  const got = await submit(milter, { message: bytes(`Subject: x\n\n${EICAR}\n`), recipients })
  t.same(got.recipients, ['v@example.org'])
  t.match(got.message.toString('latin1'), /X-Quarantine-ID: v@example\.org,.*,\r\n user/)
})

t.test('one full mailbox does not affect other recipients', async (t) => {
  const full = new Set(['full@example.org', 'filled@example.org'])
  const asked: string[] = []
  const quota = {
    asksForRelayClients: false,
    timeout: 500,
    async ask({ text }: MailAddress) {
      asked.push(text)
      return { status: full.has(text) ? 'full' : 'room' } as const
    },
  }
  const milter = await openMilter(t, scanning, { quota })
  const send = (...recipients: string[]) => submit(milter, { message: bytes(letter), recipients })
  const both = ['full@example.org', 'cat@example.org']
  for (const recipients of [both, both.toReversed()]) {
    const got = await send(...recipients)
    t.equal(got.outcome, 'delivered')
    t.same(got.recipients, recipients)
  }
  const got = await send(...full)
  t.equal(got.outcome, 'deferred')
  t.match(got.reply, /^452 4\.2\.2 Quota exceeded for all recipients/)
  t.equal((await send('full@example.org')).outcome, 'deferred')
  t.match(milter.mailLog.at(-1), /decision=defer .*over-quota/)
  asked.length = 0
  const mail = { message: bytes(letter), recipients: ['full@example.org'], authenticated: 'alice' }
  t.equal((await submit(milter, mail)).outcome, 'delivered')
  t.same(asked, [])
})

t.test('an unknown quota is logged, and does not defer the mail', async (t) => {
  const quota = {
    asksForRelayClients: false,
    timeout: 500,
    ask: async () => ({ status: 'unknown', reason: 'no answer in 0.5 s' }) as const,
  }
  const CONTROLDIR = t.testdir({ 'onescan.policy': '* UNREAD=accept\n' })
  for (const settings of [scanning, { ...scanning, CONTROLDIR }]) {
    const milter = await openMilter(t, settings, { quota })
    t.equal((await submit(milter, { message: bytes(letter) })).outcome, 'delivered')
    t.match(milter.mailLog, [/decision=accept scan=clean .*reason="quota: no answer in 0\.5 s"/])
  }
})

t.test('a rule that refuses one recipient refuses the message for all', async (t) => {
  const CONTROLDIR = t.testdir({ 'onescan.policy': 'to=gone@example.org refuse "moved"\n' })
  const milter = await openMilter(t, { ...scanning, CONTROLDIR })
  const send = (...recipients: string[]) => submit(milter, { message: bytes(letter), recipients })
  const got = await send('gone@example.org', 'cat@example.org')
  t.match([got.outcome, got.reply], ['refused', /^550 5\.7\.1 moved/])
  t.equal((await send('cat@example.org')).outcome, 'delivered')
})
