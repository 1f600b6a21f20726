import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildStage } from '../cases/stage.ts'
import { headerValues } from './header-values.ts'
import { mtas, openPassage } from './milter-mtas.ts'
import { startQmailHost } from './qmail-host.ts'
import { openSmtp } from './smtp-session.ts'

/**
 * Stored mail bears fields of the hosts that it came by, and MTAs drop some of them before a
 * filter sees the message, or after. From qmail through an MTA to qmail none of it loses the
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

const samples = join(import.meta.dirname, '../messages')

/** Those whose lines an MTA leaves as they are. */
const texts = readdirSync(samples)
  .filter((name) => name.endsWith('.eml') && name !== 'long-header.eml')
  .map((name) => {
    const text = readFileSync(join(samples, name), 'latin1').replaceAll('\r\n', '\n')
    return [name, text] as const
  })

/**
 * Messages with each field at each place of each sample, and with all fields together at each
 * place.
 */
const messages: readonly { readonly what: string; readonly message: Buffer }[] = texts.flatMap(
  ([name, text]) => {
    const wholes = [...hostFields, ['all', hostFields.map(([, field]) => field).join('')] as const]
    return wholes.flatMap(([what, field]) =>
      places(text).map(([where, at]) => ({
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

for (const { name, missing, start } of mtas) {
  t.test(
    `${messages.length} messages with fields of hosts keep their stamp from qmail through ${name} to qmail`,
    { skip: missing },
    async (t) => {
      t.ok(messages.length >= 250)
      const passage = await openPassage(t, start)
      const stage = buildStage()
      t.teardown(stage.remove)
      const key = `hmac-sha256:alpha:${Buffer.alloc(32, 7).toString('base64url')}\n`
      const CLUSTERKEYS = stage.file('ring', key)
      // Scans are counted, and a remembered verdict would spare some.
      const settings = {
        QHPSI: stage.scanner,
        SECONDLOOK: 'never', // a scan is one of the whole message
        CLUSTERKEYS,
        CLAMDBDIR: '/nonexistent',
        VERDICTS: 'off',
      }
      await passage.serve(t, settings)
      const [first, last] = [await startQmailHost(t, settings), await startQmailHost(t, settings)]

      const session = await openSmtp(passage.port)
      const lost: string[] = []
      for (const { what, message } of messages) {
        const sent = await first.pass(message)
        const mail = { from: 'ada@example.net', to: ['ben@example.org'], message: sent }
        const { data } = await session.send(mail)
        if (!data.startsWith('250')) lost.push(`${what}: ${data}`)
        const { message: got } = await passage.receiver.next()
        const values = headerValues(await last.pass(got), 'X-QHPSI')
        if (values.join() !== 'clean') lost.push(`${what}: X-QHPSI ${values.join()}`)
        const line = last.log.at(-1)!
        if (!line.includes('scan=trusted')) lost.push(`${what}: ${line}`)
      }
      await session.quit()
      t.same(lost, [])
      t.equal(stage.scans(), messages.length, 'each was scanned by the first host alone')
      const trusted = last.log.filter((line) => line.includes('scan=trusted'))
      t.equal(trusted.length, messages.length)
    },
  )
}
