import {
  BASE64,
  base64,
  cut,
  delimited,
  HTML,
  mail,
  multipart,
  part,
  QUOTED,
  quotedPrintable,
  TEXT,
  uuencode,
} from '../evasions/compose.ts'
import { signedData } from '../evasions/containers.ts'
import { testFile } from '../evasions/files.ts'

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

const TYPE = 'Content-Type: application/octet-stream; name="report.com"'
const ATTACHED = 'Content-Disposition: attachment; filename="report.com"'
const FIELDS = [TYPE, BASE64, ATTACHED]
const UUENCODED = 'Content-Transfer-Encoding: uuencode'
const RFC822 = 'Content-Type: message/rfc822'

const encoded = base64(testFile)
const file = part(FIELDS, encoded)
const inner = `Subject: inner\nMIME-Version: 1.0\n${file}`
const innerInBase64 = base64(Buffer.from(inner))
const quoted = quotedPrintable(testFile).replaceAll('=\n', '')
const uu = (begin = 'begin 644 report.com') => `${uuencode(testFile, begin)}\n`

const mixed = (...parts: readonly string[]) => multipart('mixed', parts)
/** A multipart in another one. */
const within = (boundary: string, ...parts: readonly string[]) =>
  multipart('mixed', parts, { boundary }).slice(0, -1)
/** The usual mail with an attachment whose fields these are. */
const attached = (fields: readonly string[], body = encoded) => mixed(TEXT, part(fields, body))
/** A message that is the file alone, in base64. */
const alone = (...fields: readonly string[]) => part(fields, encoded)

const inTwo = mixed(within('in2', TEXT, HTML), file)

function nested(depth: number): string {
  let content = file
  for (let level = depth; level > 0; level--) content = within(`n${level}x`, content)
  return content
}

function wrapped(depth: number): string {
  let content = file
  for (let level = 0; level < depth; level++) {
    content = part([RFC822], `Subject: inner\nMIME-Version: 1.0\n${content}`)
  }
  return content
}

const classes: Readonly<Record<string, string>> = {
  // Structure.
  'multipart/signed with the attachment directly below': multipart('signed', [TEXT, file]),
  'an attachment as the signature of multipart/signed': multipart(
    'signed',
    [within('in1', TEXT), part(['Content-Type: application/pgp-signature', BASE64], encoded)],
    {
      field: 'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="b1"',
    },
  ),
  'multipart/parallel': multipart('parallel', [TEXT, file]),
  'a MIME field in the preamble of an inner multipart': mixed(
    multipart('mixed', [TEXT, file], { boundary: 'in1', preamble: 'Content-Type: text/plain\n\n' }),
  ),
  'no empty line before the first delimiter of an inner multipart': mixed(
    within('in1', TEXT, file).replace('\n\n', '\n'),
  ),
  'an inner boundary that is the outer one and more': mixed(within('b1--in', TEXT, file)),
  'a type that is no multipart, with a boundary': mixed(
    TEXT,
    within('in2', file).replace('multipart/mixed', 'multipart'),
  ),
  'delimiter lines with something behind the boundary': mixed(TEXT, file).replace(
    '\n--b1\nContent-Type: application',
    '\n--b1\t\nContent-Type: application',
  ),
  // Fields.
  'a line of blanks among the fields of a part': attached([TYPE, '  ', BASE64, ATTACHED]),
  'a form feed among the fields of a part': attached([TYPE, '\f', BASE64, ATTACHED]),
  'a vertical tab among the fields of a part': attached([TYPE, '\v', BASE64, ATTACHED]),
  'a NUL among the fields of a part': attached([TYPE, ' \0', ATTACHED, BASE64]),
  'a blank before the colon of the encoding field of the message': alone(
    ...[TYPE, 'Content-Transfer-Encoding : base64', ATTACHED],
  ),
  'an encoding field of the message that ends in a semicolon': alone(TYPE, `${BASE64};`),
  'an empty encoding field': multipart('mixed', [within('in2', TEXT, file), TEXT], {
    field: 'Content-Type: multipart/mixed; boundary="b1"\nContent-Transfer-Encoding:',
  }),
  'two Content-Type fields, the multipart first': multipart('mixed', [TEXT, file], {
    field: 'Content-Type: multipart/mixed; boundary="b1"\nContent-Type: application/octet-stream',
  }),
  'two Content-Type fields, the multipart last': mixed(
    TEXT,
    `Content-Type: text/plain;\n${within('in2', file)}`,
  ),
  'an empty Content-Type behind the good one': mixed(
    TEXT,
    part([RFC822], mail(alone(TYPE, 'Content-Type:', BASE64, ATTACHED))),
  ),
  'an empty Content-Disposition behind the encoding field of the message': alone(
    ...[TYPE, BASE64, 'Content-Disposition:'],
  ),
  'a quote that is not closed in a parameter of the message': `Content-Disposition: inline; filename="x\n${inTwo}`,
  'an escaped quote in a file name of the message': `Content-Disposition: inline; filename="12\\" x.pdf"\n${inTwo}`,
  'Content-Type: ;': alone(BASE64, ATTACHED, 'Content-Type: ;'),
  'Content-Disposition: inline; before the Content-Type of a multipart': `Content-Disposition: inline;\n${mixed(TEXT, file)}`,
  'Content-Disposition: inline; before the encoding field of the message': alone(
    ...[TYPE, 'Content-Disposition: inline;', BASE64],
  ),
  'CR CR LF at the end of a field': alone(`${TYPE}\r\r`, BASE64, ATTACHED),
  'no empty line between fields and body': mixed(TEXT, [...FIELDS, encoded].join('\n')),
  // Encodings.
  '= inside of base64': attached(FIELDS, encoded.replace(/^(.{20})/, '$1=')),
  'two pieces of base64, each with its padding': attached(
    FIELDS,
    `${base64(testFile.subarray(0, 20))}\n${base64(testFile.subarray(20))}\n`,
  ),
  'a soft line break with blanks behind': attached(
    [TYPE, QUOTED, ATTACHED],
    cut(quoted, 60).replaceAll('\n', '=  \n'),
  ),
  'a begin line in a text part before the attachment': mixed(
    part(['Content-Type: text/plain'], 'see the attachment\nbegin 644 x'),
    file,
  ),
  'a begin line among the fields of a part': attached(['begin 644 x', ...FIELDS]),
  'uuencode with four digits of mode': part(
    ['Content-Type: text/plain'],
    uu('begin 0644 report.com'),
  ),
  'uuencode without a name': part(['Content-Type: text/plain'], uu('begin 644')),
  // Message types.
  'message/x-other in base64': part(['Content-Type: message/x-other', BASE64], innerInBase64),
  'message/rfc822 in base64': part([RFC822, BASE64], innerInBase64),
  'message/rfc822 that declares base64 and is plain': mixed(
    part([RFC822, BASE64], `MIME-Version: 1.0\n${within('in3', file)}`),
  ),
  'message/rfc822 that begins with an empty line': part([RFC822], `\n${inner}`),
  'message/global': part(['Content-Type: message/global'], inner),
  'message/news': part(['Content-Type: message/news'], inner),
  'message/partial': part(['Content-Type: message/partial; id=a; number=1; total=1'], inner),
  'message/external-body': part(['Content-Type: message/external-body; access-type=x'], inner),
  'message/http': part(['Content-Type: message/http'], inner),
  // Found by the bench of readers.
  'uuencode whose lines end in bare CRs': attached(
    [TYPE, UUENCODED],
    `${uu().trimEnd().replaceAll('\n', '\r')}\n`,
  ),
  'a mail in a file of another type': attached(
    ['Content-Type: application/octet-stream; name="a.eml"', BASE64],
    base64(Buffer.from(`X-A: b\n${file}`)),
  ),
  'escapes that soft line breaks cut': attached(
    [TYPE, QUOTED, ATTACHED],
    quoted.replace(/^((?:=..){20}=)/, '$1= \n'),
  ),
  'uuencode behind many lines that are none': part(
    [TYPE, 'Content-Transfer-Encoding: x-uuencode', ATTACHED],
    uu().replace('\n', `\n${'z\n'.repeat(150)}`),
  ),
  // Lines that libclamav cuts behind 999 bytes.
  'quoted-printable in one long line': attached(
    [TYPE, QUOTED, ATTACHED],
    `${'x'.repeat(960)}${quoted}\n`,
  ),
  'a begin line behind the front of a long field': attached([
    `X-Long: ${'x'.repeat(991)}begin 644 x`,
    ...FIELDS,
  ]),
  'a begin line behind the front of a long line of text': mixed(
    part(['Content-Type: text/plain'], `see the attachment\n${'x'.repeat(999)}begin 644 x`),
    file,
  ),
  'a line of 999 bytes among the fields of the message': alone(
    ...[TYPE, `X-Long: ${'x'.repeat(991)}`, BASE64],
  ),
  'a long field of a part in an attached message': mixed(
    TEXT,
    part(
      [RFC822],
      'From: sender@example.org\nSubject: report\nMIME-Version: 1.0\n' +
        within('in7', TEXT, alone(TYPE, `X-Long: ${'x'.repeat(1012)}---`, BASE64)),
    ),
  ),
  'uuencode behind a begin line without a mode': attached([TYPE, UUENCODED], uu('begin x')),
  // Found by reading what it made of mail in mail.
  'a field that ends in a semicolon above a multipart': mixed(
    TEXT,
    `X-Any: b;\n${within('in6', file)}`,
  ),
  'an attached message with an unknown field on top': mixed(
    TEXT,
    part([RFC822], `X-Any: b\n${file}`),
  ),
  'an encoding field behind a line end in an encoded word': alone(
    ...['X-Any: =?utf-8?Q?=0D=0AContent-Transfer-Encoding:_base64?=', 'Content-Type: text/plain'],
  ),
}

/** A word at an offset of the file that an MTA passes on, by which it is taken for something else. */
function magic(word: string, offset: number): string {
  const first = 'X-Filler: '
  const filler = 'x'.repeat(offset - received.length - first.length)
  return `${first}${filler}${word}\n${mail(mixed(TEXT, file))}`
}

const classOf = (name: string, text: string): HiddenClass => ({
  name,
  message: Buffer.from(text, 'latin1'),
})

/** Why clamd does not call these clean. */
const seenByClamd: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'in all ways that were tried; 1.4.6 may miss some': {
    'parts behind the end of the multipart': `${mixed(TEXT)}${delimited([file])}`,
  },
  'CR CR LF is what it misses': {
    'a bare CR at the end of a field': attached([`${TYPE}\r${BASE64}`, ATTACHED]),
  },
  'which reads it in both': {
    'two encodings, quoted-printable first': attached(
      [TYPE, QUOTED, BASE64],
      quotedPrintable(testFile),
    ),
  },
  'with AlertExceedsMax': {
    '19 multiparts in one another': nested(19),
    '18 messages in one another': wrapped(18),
    'a field of 300 KB before the boundary': multipart('mixed', [TEXT, file], {
      field: `Content-Type: multipart/mixed; x="${'x'.repeat(300_000)}"; boundary="b1"`,
    }),
    '10,000 parts': mixed(...Array<string>(10_000).fill('\nx'), file),
  },
}

export const hiddenClasses: readonly HiddenClass[] = [
  ...Object.entries(classes).map(([name, text]) => classOf(name, mail(text))),
  classOf('ustar at byte 257', magic('ustar', 257)),
  classOf('EFI PART at byte 512', magic('EFI PART', 512)),
  {
    ...classOf(
      'a mail inside of a signature (S/MIME)',
      mail(
        part(
          [
            'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
            ...[BASE64, 'Content-Disposition: attachment; filename="smime.p7m"'],
          ],
          base64(signedData(Buffer.from(mixed(TEXT, file)))),
        ),
      ),
    ),
    openedBy: 'Thunderbird, Outlook, Apple Mail and others that know S/MIME; none of the bench',
  },
  ...Object.entries(seenByClamd).flatMap(([reason, texts]) =>
    Object.entries(texts).map(([name, text]) => ({
      ...classOf(name, mail(text)),
      seenByClamd: reason,
    })),
  ),
]
