import t, { type Test } from 'tap'
import { isBound } from '../../../src/scanner/scan/stamps/bound-fields.ts'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { isWhole } from '../../run/is-whole.ts'
import { countingSettings, keyLine, properMail, sample, scanCounter } from '../cluster-mail.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { mtas, openPassage, type Passage } from '../servers/milter-mtas.ts'
import { makeDkimKey, opendkimMissing, startOpendkim } from '../servers/opendkim.ts'
import { startQmailHost } from '../servers/qmail-host.ts'
import { openSmtp } from '../servers/smtp-session.ts'

/**
 * onescand's milter beside the real OpenDKIM, which puts fields of its own on top of mail and
 * removes forged ones. Mail that one such host has scanned is scanned by no other host of the
 * cluster.
 */

/** Fields of other hosts, some of which a verifying OpenDKIM removes. */
const signedElsewhere = `Authentication-Results: mx.example.org; dkim=pass (forged)
DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=a; h=From:To; bh=YQ==;
	b=YQ==
ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=example.com; s=a; b=YQ==
Return-Path: <ada@example.net>
`

/** Eleven of them; long-header.eml has a line that no MTA leaves as it is. */
const messages = [
  ...properMail,
  ['signed elsewhere', sample('plain.eml').replace(/^(?=From:)/m, signedElsewhere)] as const,
].map(([name, text]) => [name, bytes(text)] as const)

t.test('a cluster with OpenDKIM', { skip: opendkimMissing }, async (t) => {
  t.equal(messages.length, 11)
  const dkim = makeDkimKey(t, 'example.net', 'example.org', 'example.com')
  const signer = await startOpendkim(t, dkim, 'sign')
  const verifier = await startOpendkim(t, dkim, 'verify')

  const arrangements = [
    { where: 'before it, signing', before: [signer], behind: [] },
    { where: 'before it, verifying', before: [verifier], behind: [] },
    { where: 'behind it, signing', before: [], behind: [signer] },
    { where: 'behind it, verifying', before: [], behind: [verifier] },
    { where: 'on both sides', before: [verifier], behind: [signer] },
  ]

  const stage = buildStage(t)
  const settings = countingSettings(stage, keyLine('alpha'))
  const scansSince = scanCounter(stage)

  /** The second hosts: each verifies DKIM before onescan asks for stamps. */
  const onward: { name: string; pass(message: Buffer): Promise<Buffer> }[] = []
  onward.push({ name: 'qmail', pass: (await startQmailHost(t, settings)).pass })
  for (const { name, missing, start } of mtas) {
    if (missing) continue
    const passage = await openPassage(t, start, { before: [verifier] })
    await passage.serve(t, settings)
    onward.push({ name, pass: await senderTo(t, passage) })
  }

  for (const { name, missing, start } of mtas) {
    // One MTA has each of them, the others what is most.
    for (const { where, before, behind } of isWhole || name === mtas[0]!.name
      ? arrangements
      : arrangements.slice(-1)) {
      t.test(`${name} with OpenDKIM ${where}`, { skip: missing }, async (t) => {
        const passage = await openPassage(t, start, { before, behind })
        await passage.serve(t, settings)
        const send = await senderTo(t, passage)
        const trusted = new Map(onward.map((host) => [host.name, 0]))
        for (const [what, message] of messages) {
          const first = await send(message)
          t.equal(scansSince(), 1, `${what}: scanned by the first host`)
          t.ok(stampIsAboveWhatItBinds(first), `${what}: ${headerNames(first).join(' ')}`)
          const filters = headerValues(first, 'DKIM-Filter').length
          t.equal(filters, before.length + behind.length, `${what}: OpenDKIM was at it`)
          for (const host of onward) {
            const second = await host.pass(first)
            if (scansSince() === 0) trusted.set(host.name, trusted.get(host.name)! + 1)
            t.same(headerValues(second, 'X-QHPSI'), ['clean'])
            t.ok(bodyOf(second).equals(bodyOf(message)), `${what}: untouched by ${host.name}`)
          }
        }
        for (const host of onward) {
          t.equal(trusted.get(host.name), messages.length, `trusted by ${host.name}`)
        }
      })
    }
  }
})

/** X-QHPSI and the stamp: whatever is above them, all that was hashed is below. */
function stampIsAboveWhatItBinds(message: Buffer): boolean {
  const names = headerNames(message).map((name) => name.toLowerCase())
  const stamp = names.indexOf('x-sha256-cluster-1')
  const above = names.slice(0, Math.max(stamp, 0))
  return (
    above.includes('x-qhpsi') && above.every((name) => !isBound(name) || name === 'dkim-filter')
  )
}

/** Sends messages to an MTA on one connection, and resolves to how each of them comes out. */
async function senderTo(
  t: Test,
  { port, receiver }: Passage,
): Promise<(message: Buffer) => Promise<Buffer>> {
  const session = await openSmtp(port)
  t.teardown(session.quit)
  return async (message) => {
    const mail = { from: 'ada@example.net', to: ['ben@example.org'], message }
    const { data } = await session.send(mail)
    if (!data.startsWith('250')) throw new Error(data)
    return (await receiver.next()).message
  }
}
