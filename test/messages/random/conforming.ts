import { createRandom, type Random } from '../../run/random.ts'
import {
  base64,
  delimited,
  part,
  quotedPrintable,
  quotedPrintableText,
} from '../../scanner/scan/scanners/evasions/compose.ts'
import {
  binaryFile,
  htmlFile,
  openTextFile,
  testFile,
  textFile,
  zip,
} from '../../scanner/scan/scanners/evasions/files.ts'
import type { Mutant } from './mutate.ts'

/**
 * A message that carries a file and follows RFC 5322, 2045 to 2047, 2183, 2231 and 3676 to the
 * letter, but for lines of text of up to 3,000 bytes, which hosts send all the same. The same
 * for the same seed.
 */
export function conformingMail(seed: number): Buffer {
  const random = createRandom(seed)
  const maker: Maker = { random, boundaries: 0 }
  const fields = shuffled(
    [
      folded(random, `Received: from a.example.org by b.example.net; ${DATE}`),
      'From: Sender <sender@example.org>',
      'To: recipient@example.net',
      `Subject: ${random.pick(['report', '=?utf-8?q?r=C3=A9sum=C3=A9?=', '=?utf-8?b?cmVwb3J0?='])}`,
      `Date: ${DATE}`,
      'MIME-Version: 1.0',
      ...(random.once(4) ? ['Message-ID: <1@example.org>'] : []),
      ...(random.once(6) ? ['X-Mailer: any (thing; "quoted")'] : []),
    ],
    random,
  )
  const { fields: mime, body } = entity(maker, 0)
  const text = `${[...fields, ...mime].map((field) => `${field}\n`).join('')}\n${body}`
  const ended = text.endsWith('\n') ? text : `${text}\n`
  return Buffer.from(random.once(2) ? ended : ended.replaceAll('\n', '\r\n'), 'latin1')
}

/** The same without any change. */
export const conforming = (seed: number): Mutant => ({ message: conformingMail(seed), changes: [] })

const DATE = 'Mon, 1 Jun 2026 10:00:00 +0000'

interface Maker {
  readonly random: Random
  boundaries: number
}

interface Entity {
  readonly fields: readonly string[]
  readonly body: string
}

const DEPTH_MAX = 4

/** What has the file in it, somewhere. */
function entity(maker: Maker, depth: number): Entity {
  const { random } = maker
  if (depth === DEPTH_MAX || random.once(depth === 0 ? 6 : 3)) return fileEntity(random)
  if (random.once(4)) return attachedMessage(maker, depth)
  const kind = random.pick([
    ...['mixed', 'mixed', 'related', 'alternative', 'report', 'parallel', 'form-data', 'digest'],
    ...['signed', 'x-any', 'appledouble', 'multilingual'],
  ])
  const parts = Array.from({ length: random.below(4) }, () => otherEntity(maker, depth))
  parts.splice(random.below(parts.length + 1), 0, entity(maker, depth + 1))
  const boundary = newBoundary(maker)
  const written = random.once(3) && !/[ ()=:,/?]/.test(boundary) ? boundary : `"${boundary}"`
  const parameters = [`boundary=${written}`]
  if (kind === 'related' && random.once(2)) parameters.unshift('type="text/html"')
  if (kind === 'report') parameters.unshift('report-type=delivery-status')
  if (kind === 'signed')
    parameters.push('protocol="application/pgp-signature"', 'micalg=pgp-sha256')
  const type = folded(random, `Content-Type: multipart/${kind}; ${parameters.join('; ')}`)
  const preamble = random.once(3) ? 'This is a multi-part message in MIME format.\n' : ''
  const epilogue = random.once(5) ? '\nThis is behind the end.\n' : ''
  const isDigest = kind === 'digest'
  const texts = parts.map((made) => {
    const fields = isDigest
      ? made.fields.filter((field) => !/^content-type/i.test(field))
      : made.fields
    return isDigest && !isMessage(made)
      ? `\n${part(['Subject: in a digest', 'MIME-Version: 1.0', ...made.fields], made.body)}`
      : part(fields, made.body)
  })
  return {
    fields: [type],
    body: `${preamble}${delimited(texts, boundary)}${epilogue}`.slice(0, -1),
  }
}

const isMessage = ({ fields }: Entity) => fields.some((field) => /message\/rfc822/i.test(field))

function attachedMessage(maker: Maker, depth: number): Entity {
  const { random } = maker
  const { fields, body } = entity(maker, depth + 1)
  const first = random.pick(['From: x@example.org', 'Received: by x', 'X-Any: y', 'Date: today'])
  const top = [first, 'Subject: attached', 'MIME-Version: 1.0']
  return {
    fields: [
      `Content-Type: message/rfc822${random.pick(['', '; name="a.eml"'])}`,
      ...random.pick([[], ['Content-Disposition: inline'], ['Content-Disposition: attachment']]),
    ],
    body: part([...shuffled(top, random), ...fields], body),
  }
}

function otherEntity(maker: Maker, depth: number): Entity {
  const { random } = maker
  if (random.once(6) && depth < DEPTH_MAX) {
    const boundary = newBoundary(maker)
    const texts = [
      part(['Content-Type: text/plain'], 'one'),
      part(['Content-Type: text/html'], '<p>'),
    ]
    return {
      fields: [`Content-Type: multipart/alternative; boundary="${boundary}"`],
      body: delimited(texts, boundary).slice(0, -1),
    }
  }
  return random.pick<Entity>([
    { fields: ['Content-Type: text/plain; charset=utf-8'], body: 'see the attachment' },
    { fields: [], body: 'a text without fields\n' },
    { fields: ['Content-Type: text/html'], body: '<p>see the attachment</p>\n' },
    {
      fields: ['Content-Type: text/plain; format=flowed; delsp=yes'],
      body: 'see the \nattachment\n',
    },
    {
      fields: ['Content-Type: image/png; name=a.png', 'Content-Transfer-Encoding: base64'],
      body: 'iVBORw0KGgoAAAANSUhEUg==',
    },
    {
      fields: ['Content-Type: text/plain', 'Content-Transfer-Encoding: quoted-printable'],
      body: 'caf=C3=A9 =\nand more',
    },
    { fields: ['Content-Type: application/octet-stream'], body: '' },
    {
      fields: ['Content-Type: message/delivery-status'],
      body: 'Reporting-MTA: dns; a\n\nAction: failed\n',
    },
  ])
}

function fileEntity(random: Random): Entity {
  const file = random.pick([testFile, zip, zip, binaryFile, textFile, openTextFile, htmlFile])
  const isText = file === textFile || file === openTextFile || file === htmlFile
  const encoding = random.pick(
    isText
      ? ['7bit', '8bit', 'base64', 'quoted-printable', '']
      : ['base64', 'base64', 'quoted-printable'],
  )
  const name = random.pick(['report.zip', 'a b.txt', 'report', 'x.html'])
  const types = [
    ...[
      'application/octet-stream',
      'application/zip',
      'application/pdf',
      'image/jpeg',
      'audio/wav',
    ],
    ...['text/plain', 'text/html', 'text/csv', 'x-any/thing', 'application/vnd.any+xml'],
    ...['message/x-any', 'font/woff', 'model/any'],
  ]
  const kind = random.pick(isText ? types.filter((type) => type.startsWith('text/')) : types)
  const parameter = random.pick([
    '',
    `; name="${name}"`,
    `; charset=utf-8; name="${name}"`,
    "; name*=utf-8''report%20%C3%A9.zip",
    '; name*0="rep"; name*1="ort.zip"',
  ])
  const disposition = random.pick([
    '',
    'attachment',
    'inline',
    `attachment; filename="${name}"`,
    `inline; filename="${name}"`,
    "attachment; filename*=utf-8''report%20%C3%A9.zip",
    `form-data; name=a; filename="${name}"`,
    `attachment; filename="${name}"; size=${file.length}; creation-date="${DATE}"`,
  ])
  const fields = [
    ...(parameter || !isText || random.once(2)
      ? [folded(random, `Content-Type: ${kind}${parameter}`)]
      : []),
    ...(encoding
      ? [
          `Content-Transfer-Encoding: ${random.pick([encoding, encoding.toUpperCase()])}${random.once(8) ? ' (as it is)' : ''}`,
        ]
      : []),
    ...(disposition ? [folded(random, `Content-Disposition: ${disposition}`)] : []),
    ...(random.once(4) ? ['Content-ID: <1@example.org>'] : []),
    ...(random.once(5) ? ['Content-Description: a file, "quoted" (and more)'] : []),
  ]
  return { fields: shuffled(fields, random), body: encoded(file, encoding, isText, random) }
}

function encoded(file: Buffer, encoding: string, isText: boolean, random: Random): string {
  if (encoding === 'base64') return base64(file, random.pick([76, 76, 72, 64, 60, 4]))
  if (encoding === 'quoted-printable') {
    return isText ? quotedPrintableText(file) : quotedPrintable(file)
  }
  return file.toString('latin1')
}

function newBoundary(maker: Maker): string {
  const { random } = maker
  const number = ++maker.boundaries
  return random.pick([
    `b${number}`,
    `----=_Part_${number}_123.456`,
    `=_${number}`,
    `(${number})+_,-./:=?'`,
    `${number} with blanks`,
    `${number}${'x'.repeat(60)}`,
    `--${number}`,
    `Apple-Mail-${number}`,
  ])
}

/** Folded behind a semicolon, or not. */
function folded(random: Random, field: string): string {
  return random.once(2) ? field.replace(/; /g, `;\n${random.pick([' ', '\t', '  '])}`) : field
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items]
  const made: Item[] = []
  while (left.length > 0) made.push(...left.splice(random.below(left.length), 1))
  return made
}
