import { EICAR } from '../../programs/clamd.ts'

/**
 * Classes of mail whose attachment mail programs open and clamd 1.4 misses, one message
 * each. All carry the test file.
 */
export interface HiddenClass {
  readonly name: string
  readonly message: Buffer
}

const B = 'b1_0123456789'
const top = [
  'Received: from sender.example.org by mx.example.net; Mon, 1 Jun 2026 10:00:00 +0000',
  'From: sender@example.org',
  'To: recipient@example.net',
  'Subject: report',
  'MIME-Version: 1.0',
]
export const inBase64 = Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')
const textPart = ['Content-Type: text/plain', '', 'see the attachment', '']
const fileFields = [
  'Content-Type: application/octet-stream; name="report.com"',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="report.com"',
]
const filePart = [...fileFields, '', inBase64]

/** Lines with the test file in uuencode. */
export function uuencoded(header = 'begin 644 report.com'): string[] {
  const bytes = Buffer.from(EICAR)
  const lines = [header]
  for (let at = 0; at < bytes.length; at += 45) {
    const piece = bytes.subarray(at, at + 45)
    let line = uuCharacter(piece.length)
    for (let i = 0; i < piece.length; i += 3) {
      const [a = 0, b = 0, c = 0] = piece.subarray(i, i + 3)
      const group = (a << 16) | (b << 8) | c
      for (const shift of [18, 12, 6, 0]) line += uuCharacter((group >> shift) & 63)
    }
    lines.push(line)
  }
  return [...lines, '`', 'end']
}

function uuCharacter(value: number): string {
  return value === 0 ? '`' : String.fromCharCode(value + 32)
}

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

const quotedPrintable = [...EICAR]
  .map((c) => `=${c.charCodeAt(0).toString(16).toUpperCase()}`)
  .join('')
const inner = ['Subject: inner', 'MIME-Version: 1.0', ...filePart].join('\n')
const innerInBase64 = Buffer.from(inner).toString('base64').replace(/.{76}/g, '$&\n')
const [typeField, encodingField, dispositionField] = fileFields as [string, string, string]

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
    mixed([textPart, filePart], 'text/mixed'),
  ),
  classOf('parts behind the end of the multipart', [
    ...mixed([textPart]),
    ...delimited([filePart]),
  ]),
  classOf('delimiter lines with something behind the boundary', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    '',
    `--${B} x`,
    ...textPart,
    `--${B} x`,
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
  attached('a NUL among the fields of a part', [typeField, '\0', encodingField, dispositionField]),
  classOf('a blank before the colon of the encoding field of the message', [
    typeField,
    'Content-Transfer-Encoding : base64',
    '',
    inBase64,
  ]),
  classOf('an encoding field of the message that ends in a semicolon', [
    typeField,
    'Content-Transfer-Encoding: base64;',
    '',
    inBase64,
  ]),
  attached('a second, empty encoding field', [...fileFields, 'Content-Transfer-Encoding:']),
  classOf('two Content-Type fields, the multipart first', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    'Content-Type: text/plain',
    '',
    ...delimited([textPart, filePart]),
  ]),
  classOf('two Content-Type fields, the multipart last', [
    'Content-Type: text/plain',
    ...mixed([textPart, filePart]),
  ]),
  classOf('an empty Content-Type behind the good one', [
    `Content-Type: multipart/mixed; boundary="${B}"`,
    'Content-Type:',
    '',
    ...delimited([textPart, filePart]),
  ]),
  classOf('an empty Content-Disposition behind the encoding field of the message', [
    typeField,
    encodingField,
    'Content-Disposition:',
    '',
    inBase64,
  ]),
  classOf('a quote that is not closed in a parameter of the message', [
    'Content-Disposition: inline; filename="x',
    ...mixed([textPart, filePart]),
  ]),
  classOf('an escaped quote in a file name of the message', [
    'Content-Disposition: inline; filename="12\\" x.pdf"',
    ...mixed([textPart, filePart]),
  ]),
  attached('Content-Type: ; in a part', ['Content-Type: ;', encodingField, dispositionField]),
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
  attached('CR CR LF at the end of a field', [`${typeField}\r\r`, encodingField, dispositionField]),
  attached('a bare CR at the end of a field', [`${typeField}\r${encodingField}`, dispositionField]),
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
    mixed([['Content-Type: text/plain', '', 'begin 644 x', 'see below', ''], filePart]),
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
  classOf(
    'message/rfc822 in base64',
    mixed([textPart, ['Content-Type: message/rfc822', encodingField, '', innerInBase64]]),
  ),
  classOf(
    'message/rfc822 that says base64 and is plain',
    mixed([textPart, ['Content-Type: message/rfc822', encodingField, '', inner]]),
  ),
  classOf(
    'message/rfc822 that begins with empty lines',
    mixed([textPart, ['Content-Type: message/rfc822', '', '', '', inner]]),
  ),
  classOf('message/global', mixed([textPart, ['Content-Type: message/global', '', inner]])),
  classOf('message/news', mixed([textPart, ['Content-Type: message/news', '', inner]])),
  classOf(
    'message/partial',
    mixed([textPart, ['Content-Type: message/partial; id=a; number=1; total=1', '', inner]]),
  ),
  classOf(
    'message/external-body',
    mixed([textPart, ['Content-Type: message/external-body; access-type=x', '', inner]]),
  ),
  classOf('message/http', mixed([textPart, ['Content-Type: message/http', '', inner]])),
  // Found by the bench of readers.
  attached(
    'uuencode whose lines end in bare CRs',
    [typeField, 'Content-Transfer-Encoding: uuencode'],
    `${uuencoded('begin 644 report.com').join('\r')}\n`,
  ),
  attached(
    'two encodings, quoted-printable first',
    [typeField, 'Content-Transfer-Encoding: quoted-printable', encodingField],
    quotedPrintable.replace(/(?:=..){20}/g, '$&=\n'),
  ),
  attached(
    'a mail in a file of another type',
    ['Content-Type: application/octet-stream; name="a.eml"', encodingField],
    innerInBase64,
  ),
  attached(
    'a multipart in a part that says nothing of it',
    [encodingField],
    Buffer.from(delimited([filePart], 'q1').join('\n')).toString('base64'),
  ),
  attached(
    'escapes that soft line breaks cut',
    [typeField, 'Content-Transfer-Encoding: quoted-printable', dispositionField],
    quotedPrintable.replace(/^((?:=..){20}=)/, '$1= \n'),
  ),
  // Magic.
  magic('ustar at byte 257', 'ustar', 257),
  magic('EFI PART at byte 512', 'EFI PART', 512),
  // Limits.
  classOf('19 multiparts in one another', nested(19)),
  classOf('18 messages in one another', wrapped(18)),
  classOf('a field of 300 KB before the boundary', [
    `Content-Type: multipart/mixed; x="${'x'.repeat(300_000)}"; boundary="${B}"`,
    '',
    ...delimited([textPart, filePart]),
  ]),
  classOf('10,000 parts', mixed([...Array.from({ length: 10_000 }, () => ['', 'x']), filePart])),
]

/** A word at an offset of the mail, by which a file would be taken for something else. */
function magic(name: string, word: string, offset: number): HiddenClass {
  const first = `${top.join('\n')}\nX-Filler: `
  const fields = [...top, `X-Filler: ${'x'.repeat(offset - first.length)}${word}`]
  return classOf(name, mixed([textPart, filePart]), fields)
}
