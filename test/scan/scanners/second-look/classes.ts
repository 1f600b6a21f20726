import { EICAR } from '../../../../src/scan/scanners/eicar/eicar.ts'
import { uuencode } from '../evasions/compose.ts'

/**
 * Classes of mail whose attachment mail programs open and clamd 1.4 misses, one message
 * each. All carry the test file.
 */
export interface HiddenClass {
  readonly name: string
  readonly message: Buffer
  /** Set where clamd 1.4 does not call this message clean: why it is a class nevertheless. */
  readonly seenByClamd?: string
  /** Set where other programs open it than those that the bench asks. */
  readonly openedBy?: string
}

/** The field that an MTA puts above the mail: by it libclamav takes the file for one. */
export const received = 'Received: by mx.example.net; Mon, 1 Jun 2026 10:00:01 +0000\n'

const B = 'b1_0123456789'
const top = [
  'Received: from sender.example.org by mx.example.net; Mon, 1 Jun 2026 10:00:00 +0000',
  'From: sender@example.org',
  'To: recipient@example.net',
  'Subject: report',
  'MIME-Version: 1.0',
]
export const inBase64 = Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')
const htmlPart = ['Content-Type: text/html', '', '<p>see the attachment</p>', '']
const textPart = ['Content-Type: text/plain', '', 'see the attachment', '']
const fileFields = [
  'Content-Type: application/octet-stream; name="report.com"',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="report.com"',
]
const filePart = [...fileFields, '', inBase64]

/** Lines with the test file in uuencode. */
export const uuencoded = (begin = 'begin 644 report.com') =>
  uuencode(Buffer.from(EICAR), begin).split('\n')

function mixed(parts: readonly (readonly string[])[], type = 'multipart/mixed', boundary = B) {
  return [`Content-Type: ${type}; boundary="${boundary}"`, '', ...delimited(parts, boundary)]
}

function delimited(parts: readonly (readonly string[])[], boundary = B): string[] {
  return [...parts.flatMap((part) => [`--${boundary}`, ...part]), `--${boundary}--`, '']
}

function classOf(name: string, lines: readonly string[], fields = top): HiddenClass {
  return { name, message: Buffer.from([...fields, ...lines].join('\n'), 'latin1') }
}

/** The usual mail with an attachment whose fields these are. */
function attached(name: string, fields: readonly string[], body = inBase64): HiddenClass {
  return classOf(name, mixed([textPart, [...fields, '', body]]))
}

function nested(depth: number): string[] {
  let part: readonly string[] = filePart
  for (let at = depth; at > 0; at--) part = mixed([part], 'multipart/mixed', `n${at}x`)
  return [...part]
}

function wrapped(depth: number): string[] {
  let part: readonly string[] = filePart
  for (let at = 0; at < depth; at++) {
    part = ['Content-Type: message/rfc822', '', 'Subject: inner', 'MIME-Version: 1.0', ...part]
  }
  return [...part]
}

/**
 * SignedData of RFC 5652 around this content, which nobody has signed: as openssl streams it,
 * in pieces of so many bytes, and without `piece` in one.
 */
export function signed(content: Buffer, { piece = content.length } = {}): Buffer {
  const element = (tag: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    return Buffer.concat([Buffer.from([tag, 0x84]), length, body])
  }
  const open = (tag: number, ...parts: Buffer[]) =>
    Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.from([0, 0])])
  const oid = (last: number) =>
    Buffer.from(`06092a864886f70d0107${last === 2 ? '02' : '01'}`, 'hex')
  const pieces: Buffer[] = []
  for (let at = 0; at < content.length; at += piece) {
    pieces.push(element(0x04, content.subarray(at, at + piece)))
  }
  const octets = open(0x24, ...pieces)
  const none = Buffer.from('3100', 'hex')
  const version = Buffer.from('020101', 'hex')
  return open(
    0x30,
    oid(2),
    open(0xa0, open(0x30, version, none, open(0x30, oid(1), open(0xa0, octets)), none)),
  )
}

const quotedPrintable = [...EICAR]
  .map((c) => `=${c.charCodeAt(0).toString(16).toUpperCase()}`)
  .join('')
const innerLines = ['Subject: inner', 'MIME-Version: 1.0', ...filePart]
const inner = innerLines.join('\n')
const innerInBase64 = Buffer.from(inner).toString('base64').replace(/.{76}/g, '$&\n')
const [typeField, encodingField, dispositionField] = fileFields as [string, string, string]

const ALERT = 'with AlertExceedsMax'

export const hiddenClasses: readonly HiddenClass[] = [
  // Structure.
  classOf('multipart/signed with the attachment directly below', [
    ...mixed([textPart, filePart], 'multipart/signed'),
  ]),
  classOf('an attachment as the signature of multipart/signed', [
    'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="s1"',
    '',
    ...delimited(
      [
        mixed([textPart]),
        [
          'Content-Type: application/pgp-signature',
          'Content-Transfer-Encoding: base64',
          '',
          inBase64,
        ],
      ],
      's1',
    ),
  ]),
  classOf('multipart/parallel', mixed([textPart, filePart], 'multipart/parallel')),
  classOf(
    'a MIME field in the preamble of an inner multipart',
    mixed([
      [
        'Content-Type: multipart/mixed; boundary="in1"',
        '',
        'Content-Type: text/plain',
        '',
        ...delimited([textPart, filePart], 'in1'),
      ],
    ]),
  ),
  classOf(
    'no empty line before the first delimiter of an inner multipart',
    mixed([
      ['Content-Type: multipart/mixed; boundary="in1"', ...delimited([textPart, filePart], 'in1')],
    ]),
  ),
  classOf(
    'an inner boundary that is the outer one and more',
    mixed([mixed([textPart, filePart], 'multipart/mixed', `${B}--in`)]),
  ),
  classOf(
    'a type that is no multipart, with a boundary',
    mixed([textPart, mixed([filePart], 'multipart', 'in2')]),
  ),
  {
    ...classOf('parts behind the end of the multipart', [
      ...mixed([textPart]),
      ...delimited([filePart]),
    ]),
    seenByClamd: 'in all ways that were tried; 1.4.6 is said to miss some',
  },
  classOf('delimiter lines with something behind the boundary', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    '',
    `--${B}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 7bit',
    '',
    'see the attachment',
    '',
    `--${B}\t`,
    ...filePart,
    `--${B}--`,
    '',
  ]),
  // Fields.
  attached('a line of blanks among the fields of a part', [
    typeField,
    '  ',
    encodingField,
    dispositionField,
  ]),
  attached('a form feed among the fields of a part', [
    typeField,
    '\f',
    encodingField,
    dispositionField,
  ]),
  attached('a vertical tab among the fields of a part', [
    typeField,
    '\v',
    encodingField,
    dispositionField,
  ]),
  attached('a NUL among the fields of a part', [typeField, ' \0', dispositionField, encodingField]),
  classOf('a blank before the colon of the encoding field of the message', [
    typeField,
    'Content-Transfer-Encoding : base64',
    dispositionField,
    '',
    inBase64,
  ]),
  classOf('an encoding field of the message that ends in a semicolon', [
    typeField,
    'Content-Transfer-Encoding: base64;',
    '',
    inBase64,
  ]),
  classOf('an empty encoding field', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    'Content-Transfer-Encoding:',
    '',
    ...delimited([mixed([textPart, filePart], 'multipart/mixed', 'in2'), textPart]),
  ]),
  classOf('two Content-Type fields, the multipart first', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    'Content-Type: application/octet-stream',
    '',
    ...delimited([textPart, filePart]),
  ]),
  classOf(
    'two Content-Type fields, the multipart last',
    mixed([
      textPart,
      ['Content-Type: text/plain;', ...mixed([filePart], 'multipart/mixed', 'in2')],
    ]),
  ),
  classOf(
    'an empty Content-Type behind the good one',
    mixed([
      textPart,
      [
        ...['Content-Type: message/rfc822', '', ...top],
        ...[typeField, 'Content-Type:', encodingField, dispositionField, '', inBase64],
      ],
    ]),
  ),
  classOf('an empty Content-Disposition behind the encoding field of the message', [
    typeField,
    encodingField,
    'Content-Disposition:',
    '',
    inBase64,
  ]),
  classOf('a quote that is not closed in a parameter of the message', [
    'Content-Disposition: inline; filename="x',
    ...mixed([mixed([textPart, htmlPart], 'multipart/alternative', 'in2'), filePart]),
  ]),
  classOf('an escaped quote in a file name of the message', [
    'Content-Disposition: inline; filename="12\\" x.pdf"',
    ...mixed([mixed([textPart, htmlPart], 'multipart/alternative', 'in2'), filePart]),
  ]),
  classOf('Content-Type: ;', [encodingField, dispositionField, 'Content-Type: ;', '', inBase64]),
  classOf('Content-Disposition: inline; before the Content-Type of a multipart', [
    'Content-Disposition: inline;',
    ...mixed([textPart, filePart]),
  ]),
  classOf('Content-Disposition: inline; before the encoding field of the message', [
    typeField,
    'Content-Disposition: inline;',
    encodingField,
    '',
    inBase64,
  ]),
  classOf('CR CR LF at the end of a field', [
    `${typeField}\r\r`,
    encodingField,
    dispositionField,
    '',
    inBase64,
  ]),
  {
    ...attached('a bare CR at the end of a field', [
      `${typeField}\r${encodingField}`,
      dispositionField,
    ]),
    seenByClamd: 'CR CR LF is what it misses',
  },
  classOf('no empty line between fields and body', mixed([textPart, [...fileFields, inBase64]])),
  // Encodings.
  attached('= inside of base64', fileFields, inBase64.replace(/^(.{20})/, '$1=')),
  attached(
    'two pieces of base64, each with its padding',
    fileFields,
    `${Buffer.from(EICAR.slice(0, 20)).toString('base64')}\n${Buffer.from(EICAR.slice(20)).toString('base64')}\n`,
  ),
  attached(
    'a soft line break with blanks behind',
    [typeField, 'Content-Transfer-Encoding: quoted-printable', dispositionField],
    quotedPrintable.replace(/(?:=..){20}/g, '$&=  \n'),
  ),
  classOf(
    'a begin line in a text part before the attachment',
    mixed([['Content-Type: text/plain', '', 'see the attachment', 'begin 644 x'], filePart]),
  ),
  attached('a begin line among the fields of a part', ['begin 644 x', ...fileFields]),
  classOf('uuencode with four digits of mode', [
    'Content-Type: text/plain',
    '',
    ...uuencoded('begin 0644 report.com'),
    '',
  ]),
  classOf('uuencode without a name', [
    'Content-Type: text/plain',
    '',
    ...uuencoded('begin 644'),
    '',
  ]),
  // Message types.
  classOf('message/x-other in base64', [
    'Content-Type: message/x-other',
    encodingField,
    '',
    innerInBase64,
  ]),
  classOf('message/rfc822 in base64', [
    'Content-Type: message/rfc822',
    encodingField,
    '',
    innerInBase64,
  ]),
  classOf(
    'message/rfc822 that says base64 and is plain',
    mixed([
      [
        ...['Content-Type: message/rfc822', encodingField, '', 'MIME-Version: 1.0'],
        ...mixed([filePart], 'multipart/mixed', 'in3'),
      ],
    ]),
  ),
  classOf('message/rfc822 that begins with an empty line', [
    ...['Content-Type: message/rfc822', '', '', ...innerLines],
  ]),
  classOf('message/global', ['Content-Type: message/global', '', ...innerLines]),
  classOf('message/news', ['Content-Type: message/news', '', ...innerLines]),
  classOf('message/partial', [
    ...['Content-Type: message/partial; id=a; number=1; total=1', '', ...innerLines],
  ]),
  classOf('message/external-body', [
    ...['Content-Type: message/external-body; access-type=x', '', ...innerLines],
  ]),
  classOf('message/http', ['Content-Type: message/http', '', ...innerLines]),
  // Found by the bench of readers.
  attached(
    'uuencode whose lines end in bare CRs',
    [typeField, 'Content-Transfer-Encoding: uuencode'],
    `${uuencoded('begin 644 report.com').join('\r')}\n`,
  ),
  {
    ...attached(
      'two encodings, quoted-printable first',
      [typeField, 'Content-Transfer-Encoding: quoted-printable', encodingField],
      quotedPrintable.replace(/(?:=..){20}/g, '$&=\n'),
    ),
    seenByClamd: 'which reads it in both',
  },
  attached(
    'a mail in a file of another type',
    ['Content-Type: application/octet-stream; name="a.eml"', encodingField],
    Buffer.from(['X-A: b', ...filePart].join('\n'))
      .toString('base64')
      .replace(/.{76}/g, '$&\n'),
  ),
  attached(
    'escapes that soft line breaks cut',
    [typeField, 'Content-Transfer-Encoding: quoted-printable', dispositionField],
    quotedPrintable.replace(/^((?:=..){20}=)/, '$1= \n'),
  ),
  {
    ...classOf('a mail inside of a signature (S/MIME)', [
      'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
      encodingField,
      dispositionField.replace('report.com', 'smime.p7m'),
      '',
      signed(Buffer.from(mixed([textPart, filePart]).join('\n')))
        .toString('base64')
        .replace(/.{76}/g, '$&\n'),
    ]),
    openedBy: 'Thunderbird, Outlook, Apple Mail and others that know S/MIME; none of the bench',
  },
  classOf('uuencode behind many lines that are none', [
    ...[typeField, 'Content-Transfer-Encoding: x-uuencode', dispositionField, ''],
    ...[uuencoded()[0]!, ...Array<string>(150).fill('z'), ...uuencoded().slice(1), ''],
  ]),
  // Lines that libclamav cuts behind 999 bytes.
  attached(
    'quoted-printable in one long line',
    [typeField, 'Content-Transfer-Encoding: quoted-printable', dispositionField],
    `${'x'.repeat(960)}${quotedPrintable}\n`,
  ),
  attached('a begin line behind the front of a long field', [
    `X-Long: ${'x'.repeat(991)}begin 644 x`,
    ...fileFields,
  ]),
  classOf(
    'a begin line behind the front of a long line of text',
    mixed([
      ['Content-Type: text/plain', '', 'see the attachment', `${'x'.repeat(999)}begin 644 x`],
      filePart,
    ]),
  ),
  classOf('a line of 999 bytes among the fields of the message', [
    ...[typeField, `X-Long: ${'x'.repeat(991)}`, encodingField, '', inBase64],
  ]),
  classOf(
    'a long field of a part in an attached message',
    mixed([
      textPart,
      [
        ...['Content-Type: message/rfc822', '', ...top.slice(1)],
        ...mixed(
          [textPart, [typeField, `X-Long: ${'x'.repeat(1012)}---`, encodingField, '', inBase64]],
          'multipart/mixed',
          'in7',
        ),
      ],
    ]),
  ),
  attached(
    'uuencode behind a begin line without a mode',
    [typeField, 'Content-Transfer-Encoding: uuencode'],
    `${uuencoded('begin x').join('\n')}\n`,
  ),
  // Found by reading what it made of mail in mail.
  attached(
    'a field that ends in a semicolon above a multipart',
    ['X-Any: b;', ...mixed([filePart], 'multipart/mixed', 'in6').slice(0, 1)],
    mixed([filePart], 'multipart/mixed', 'in6').slice(2).join('\n'),
  ),
  classOf(
    'an attached message with an unknown field on top',
    mixed([textPart, ['Content-Type: message/rfc822', '', 'X-Any: b', ...filePart]]),
  ),
  classOf('an encoding field behind a line end in an encoded word', [
    'X-Any: =?utf-8?Q?=0D=0AContent-Transfer-Encoding:_base64?=',
    'Content-Type: text/plain',
    '',
    inBase64,
  ]),
  // Magic.
  magic('ustar at byte 257', 'ustar', 257),
  magic('EFI PART at byte 512', 'EFI PART', 512),
  // Limits.
  { ...classOf('19 multiparts in one another', nested(19)), seenByClamd: ALERT },
  { ...classOf('18 messages in one another', wrapped(18)), seenByClamd: ALERT },
  {
    ...classOf('a field of 300 KB before the boundary', [
      `Content-Type: multipart/mixed; x="${'x'.repeat(300_000)}"; boundary="${B}"`,
      '',
      ...delimited([textPart, filePart]),
    ]),
    seenByClamd: ALERT,
  },
  {
    ...classOf(
      '10,000 parts',
      mixed([...Array.from({ length: 10_000 }, () => ['', 'x']), filePart]),
    ),
    seenByClamd: ALERT,
  },
]

/** A word at an offset of the file that an MTA hands on, by which it is taken for something else. */
function magic(name: string, word: string, offset: number): HiddenClass {
  const first = `${received}X-Filler: `
  const fields = [`X-Filler: ${'x'.repeat(offset - first.length)}${word}`, ...top]
  return classOf(name, mixed([textPart, filePart]), fields)
}
