import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import type { Header } from '../../../../src/mail/message/header-block.ts'
import { headerFault } from '../../../../src/mail/message/well-formed.ts'
import type { PartNames } from '../../../../src/mail/mime/reports/part-names.ts'
import { ordinaryMails } from '../../../cases/ordinary/all.ts'
import { lacks } from '../../../needs.mjs'
import { sampleOf } from '../../../run/is-whole.ts'
import { evasions } from '../../../scanner/scan/scanners/evasions/all.ts'
import { messageOf } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { headerOfMessage } from '../../message/header-of-message.ts'
import { isNested } from '../nested-mail.ts'
import { readMail } from '../read-mail.ts'
import { structureOf } from '../structure-of.ts'

/**
 * The result of a reading does not depend on whether its header's fields were found before. Finding them is work: a reading
 * that a limit ends may read further without it.
 */

/** All that is reported of a message, as scanners get it. */
function reportOf(message: Buffer, knowsHeader: boolean) {
  const header = headerOfMessage(message)
  const bytes = Bytes.of(message)
  const more: { readonly header?: Header } = knowsHeader ? { header } : {}
  const parts: unknown[] = []
  const onPart = (part: PartNames) => {
    parts.push(part)
    return []
  }
  const read = readMail(bytes, { ...more, maxDepth: 3, onPart })
  const { texts, over, odd } = read
  const headers = headersOf(bytes, more.header)
  return { texts, over, odd: [...new Set(odd)], parts, headers, depth: depthOf(bytes, more) }
}

/** All headers, or why they cannot be read. */
function headersOf(bytes: Bytes, known: Header | undefined): unknown {
  try {
    return structureOf(bytes, known).headers
  } catch (error) {
    return String(error)
  }
}

/** The least number of levels that the mail is within; why it is unknown. */
function depthOf(bytes: Bytes, more: { readonly header?: Header }): number | string {
  try {
    return [0, 1, 2, 3, 4].find((limit) => !isNested(bytes, limit, more)) ?? 5
  } catch (error) {
    return String(error)
  }
}

function areAlike(message: Buffer): boolean {
  const [known, unknown] = [reportOf(message, true), reportOf(message, false)]
  if (known.over === '' && unknown.over === '') return isDeepStrictEqual(known, unknown)
  return (
    unknown.over !== '' &&
    isDeepStrictEqual(known.texts.slice(0, unknown.texts.length), unknown.texts) &&
    isDeepStrictEqual(known.parts.slice(0, unknown.parts.length), unknown.parts) &&
    isDeepStrictEqual([known.headers, known.depth], [unknown.headers, unknown.depth])
  )
}

const isWellFormed = (message: Buffer) => headerFault(headerOfMessage(message)) === undefined

t.test('ordinary and hostile messages are read alike', { skip: lacks('openssl') }, async (t) => {
  const all = [
    ...ordinaryMails.map(({ message }) => message()),
    ...sampleOf(Object.values(evasions).flat(), 10).map((evasion, at) =>
      messageOf(evasion, at % 2 === 0 ? '\n' : '\r\n'),
    ),
  ].filter((message) => message.length < 50_000 && isWellFormed(message))
  t.ok(all.length > 100, `${all.length} mails`)
  for (const message of all) {
    if (!areAlike(message)) t.fail(message.toString('latin1'))
  }
})

const headerLines = [
  ...['A: b', 'Subject: =?x?q?a=20b?=', 'Subject: =?x?b?Cg==?=', 'X: (a) multipart; boundary=c'],
  ...['Content-Type: multipart/mixed; boundary=b', 'Content-Type: message/rfc822', 'content : x'],
  ...[
    'Content-Transfer-Encoding: base64',
    'Content-Type: text/plain; charset=utf-16',
    'Name: \x01',
  ],
  ...[' folded', ' --b', '\tbegin 7', ' =?x?q?c?=', '  ', '--b', 'no field', 'From x', 'a\rb: c'],
  'begin 644 a',
  'Begin: begin 644 a',
  ' begin',
  'attach: c',
  `${'n'.repeat(201)}: d`,
  'b\0: c',
  ...[`Content-Type: ${'x'.repeat(20_000)}`, `X: ${'=?x?q?a?='.repeat(20)}`],
]
const bodyLines = [
  ...['', 'text', '--b', '--b--', '--c', 'Content-Type: multipart/mixed; boundary=c', 'filename=x'],
  ...['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', 'begin 644 a', 'X: y'],
  ...['RnJvbTogYUBiCgp4Cg==', 'From: a@example.org', '\x0c', '#86)C', 'end'],
]
/** Read in so many ways that a limit ends the reading. */
const limited = [
  ...['no field', 'Content-Type: message/rfc822', 'Content-Type: text/plain; charset=utf-16'],
  `Content-Type: ${'x'.repeat(20_000)}`,
]
const lines = (of: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...of), { maxLength })

t.test('messages of any lines are read alike', async (t) => {
  let wellFormed = 0
  const mail = fc.tuple(lines(headerLines, 6), lines(bodyLines, 12), fc.constantFrom('\n', '\r\n'))
  const property = fc.property(mail, ([header, body, end]) => {
    const text = [...header, '', ...body, ''].join(end)
    const message = Buffer.from(text, 'latin1')
    if (isWellFormed(message)) wellFormed++
    return areAlike(message)
  })
  fc.assert(property, {
    numRuns: 600,
    examples: [[[limited, ['Content-Transfer-Encoding: base64', '--b--'], '\n']]],
  })
  t.ok(wellFormed > 60, `${wellFormed} of 600 have a header that all readers read alike`)
})
