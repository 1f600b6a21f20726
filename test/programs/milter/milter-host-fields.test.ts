import t from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { isWhole } from '../../run/is-whole.ts'
import { keyLine, properMail } from '../cluster-mail.ts'
import { headerValues } from '../header-values.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { startQmailHost } from '../servers/qmail-host.ts'
import { openSmtp } from '../servers/smtp-session.ts'

/**
 * Stored mail has fields of the hosts that it came by, and MTAs drop some of them before or after a
 * filter sees the message. On the way from qmail through an MTA to qmail no such message loses the
 * stamp of the first host.
 */

const hostFields = [
  ['Return-Path', 'Return-Path: <ada@example.net>\n'],
  ['Delivered-To', 'Delivered-To: ben@example.org\n'],
  ['X-Original-To', 'X-Original-To: ben@example.org\n'],
  ['Envelope-To', 'Envelope-To: ben@example.org\n'],
  ['Bcc', 'Bcc: cem@example.org,\n\tdana@example.org\n'],
  // With Resent-Bcc alone, Postfix and Sendmail would add these to mail of their own users.
  [
    'Resent-Bcc',
    `Resent-Date: Mon, 06 Oct 2025 12:12:40 +0200
Resent-From: ada@example.net
Resent-To: ben@example.org
Resent-Message-ID: <20251006101240.1@example.net>
Resent-Bcc: cem@example.org
`,
  ],
  ['Content-Length', 'Content-Length: 321\n'],
  [
    'Received-SPF',
    'Received-SPF: pass (alpha.example.org: domain of ada@example.net)\n\tclient-ip=192.0.2.25;\n',
  ],
  ['Authentication-Results', 'Authentication-Results: mx.example.org;\n\tspf=pass\n'],
] as const

/**
 * Messages with each field at each place of some sample, and with all fields together at each
 * place; with `npm run test:nightly` of each sample.
 */
const messages: readonly { readonly what: string; readonly message: Buffer }[] = properMail.flatMap(
  ([name, text], sample) => {
    const wholes = [...hostFields, ['all', hostFields.map(([, field]) => field).join('')] as const]
    return wholes.flatMap(([what, field], number) =>
      (isWhole ? places(text) : [places(text)[(sample + number) % 3]!]).map(([where, at]) => ({
        what: `${name} with ${what} ${where}`,
        message: Buffer.from(text.slice(0, at) + field + text.slice(at), 'latin1'),
      })),
    )
  },
)

/** Where a field may stand in a message: offsets. */
function places(text: string): (readonly [where: string, at: number])[] {
  const header = text.slice(0, text.indexOf('\n\n') + 1)
  const starts = [...header.matchAll(/^(?![ \t])/gm)].map(({ index }) => index)
  return [
    ['on top', 0],
    ['in the middle', starts[Math.floor(starts.length / 2)]!],
    ['at the end', header.length],
  ]
}

/** SMTP sessions at once. */
const SESSIONS = 4

for (const { name, missing, start } of mtas) {
  t.test(
    `${messages.length} messages with fields of hosts keep their stamp from qmail through ${name} to qmail`,
    { skip: missing },
    async (t) => {
      t.ok(messages.length >= (isWhole ? 250 : 80))
      const passage = await openPassage(t, start)
      const CLUSTERKEYS = buildStage(t).file('ring', keyLine('alpha'))
      // A cached verdict would spare scans, too.
      const settings = { QHPSI: 'plugin: eicar', CLUSTERKEYS, VERDICTS: 'off' }
      const milter = await passage.serve(t, settings)
      const [first, last] = [await startQmailHost(t, settings), await startQmailHost(t, settings)]

      const lost: string[] = []
      // Several sessions, since an MTA takes its time between taking a message and handing it on.
      const left = messages.entries()
      const sendSome = async () => {
        const session = await openSmtp(passage.port)
        for (const [n, { what, message }] of left) {
          const sent = await first.pass(message)
          const mail = { from: 'ada@example.net', to: [`${n}@example.org`], message: sent }
          const { data } = await session.send(mail)
          if (!data.startsWith('250')) lost.push(`${what}: ${data}`)
        }
        await session.quit()
      }
      await Promise.all(Array.from({ length: SESSIONS }, sendSome))
      t.same(lost, [], 'the MTA has taken each of them')

      const arrived = new Set<number>()
      while (arrived.size < messages.length) {
        const { message: got, recipients } = await passage.receiver.next()
        const n = Number.parseInt(recipients[0]!.replace(/^<?/, ''), 10)
        arrived.add(n)
        const { what } = messages[n]!
        const values = headerValues(await last.pass(got), 'X-QHPSI')
        if (values.join() !== 'clean') lost.push(`${what}: X-QHPSI ${values.join()}`)
        const line = last.log.at(-1)!
        if (!line.includes('scan=trusted')) lost.push(`${what}: ${line}`)
      }
      t.same(lost, [])
      const count = (log: readonly string[], word: string) =>
        log.filter((line) => line.includes(` scan=${word} `)).length
      t.equal(count(first.log, 'clean'), messages.length, 'the first host has scanned each')
      t.equal(count(milter.log, 'trusted'), messages.length, 'the milter none')
      t.equal(count(last.log, 'trusted'), messages.length, 'nor the last host')
    },
  )
}
