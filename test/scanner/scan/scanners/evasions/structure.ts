import {
  ATTACHED,
  alone,
  BASE64,
  base64,
  delimited,
  type Evasion,
  FILE_TYPE,
  FORM_DATA,
  filePart,
  HTML,
  inPart,
  inParts,
  latin1,
  mail,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  quotedPrintable,
  quotedPrintableText,
  TEXT,
  uuencode,
  ZIP_TYPE,
} from './compose.ts'
import {
  base64AlikeFile,
  binaryFile,
  openTextFile,
  testFile,
  textFile,
  trickyFile,
  zip,
} from './files.ts'

const file = filePart(zip)
const other = part(['Content-Type: image/png', BASE64], 'iVBORw0KGgo=')
const inner = (...parts: string[]) => multipart('mixed', parts, { boundary: 'in' })

/** A multipart of this subtype as the whole mail. */
function kind(subtype: string, parts = [TEXT, file], which = ''): Evasion {
  return { name: `multipart/${subtype}${which}`, text: () => mail(multipart(subtype, parts)) }
}

/** A file of text, as it stands, in a part that a line like a delimiter is in the middle of. */
const trickyPart = part(
  ['Content-Type: application/x-any; name=a.bin', 'Content-Transfer-Encoding: 8bit'],
  latin1(trickyFile),
)

/** The lines of base64, with another line behind the first. */
function interrupted(bytes: Buffer, line: string): string {
  return base64(bytes, 40).replace('\n', `\n${line}\n`)
}

/** No character of it is one of base64: what is decoded stays the same. */
const BOUNDARY = ':.:'

/** Files that digests know, below the fields, these lines, and an empty line. */
function strangeHeader(name: string, lines: string): Evasion[] {
  const text = latin1(textFile)
  const encoded = `${FILE_TYPE}\n${QUOTED}\n${lines}\n${quotedPrintable(textFile)}`
  return [
    { name: `quoted-printable below ${name}, in a part`, text: () => mixed(encoded) },
    { name: `quoted-printable below ${name}, in a mail`, text: () => mail(encoded) },
    {
      name: `a text file below ${name}`,
      text: () => mixed(`${FILE_TYPE}\n${ATTACHED}\n${lines}\n${text}`),
    },
  ]
}

/** Texts that digests know with their last line end, in a multipart that clamd may not see. */
function textsInDoubt(name: string, boundaries: string): Evasion[] {
  const field = `Content-Type: multipart/mixed; ${boundaries}`
  const text = latin1(textFile).trimEnd()
  return ['text/plain', 'text/html'].flatMap((type) => [
    {
      name: `a part of ${type} in a multipart with ${name}`,
      text: () => mixed(part([`Content-Type: ${type}`], text), { field }),
    },
    {
      name: `quoted-printable of ${type} in a multipart with ${name}`,
      text: () => mixed(part([`Content-Type: ${type}`, QUOTED], text), { field }),
    },
  ])
}

function interruptedBy(name: string, line: string, boundary = BOUNDARY): Evasion {
  const fields = [ZIP_TYPE, BASE64, ATTACHED]
  return {
    name: `base64 with ${name} in it`,
    text: () => mixed(part(fields, interrupted(zip, line)), { boundary }),
  }
}

/** Replaces each end of line of the body. */
function withBareCrs(text: string): string {
  const body = text.indexOf('\n\n') + 2
  return text.slice(0, body) + text.slice(body).replaceAll('\n', '\r')
}

/** The lines, and another one in their middle. */
function halved(text: string, line: string): string {
  const lines = text.split('\n')
  return lines.toSpliced(lines.length >> 1, 0, line).join('\n')
}

/**
 * Headers whose oddity has nothing to do with the boundary, by a field above the type or by what follows in the type. A
 * program that does not mind them finds the parts as in any other mail.
 */
const harmless: Readonly<Record<string, readonly [above: string, behind: string]>> = {
  'a field with an underscore in its name': ['X-Content_Rating: low\n', ''],
  'MIME-Version misspelt': ['MIME-Versi_on: 1.0\n', ''],
  'a field that is named after boundaries': ['X-Boundary: a\n', ''],
  'a line that is no field': ['no field\n', ''],
  'a parameter without a value': ['', '; x'],
  'a parameter twice': ['', '; x=1; x=2'],
  'a comment in the type': ['', ' (c)'],
}

/** Lines that differ from the delimiter in one way each. */
const similarLines = [
  '--:.:\0',
  '--\0:.:',
  '--:.:--\0',
  '-- :.:',
  '--:.: ',
  '--:.:;',
  '--:.: ;',
  '--:.:--;',
]

/** A message with a zip in base64, one line of it among those, below a multipart written as `field`. */
function withLine(field: string, line: string, fields = [ZIP_TYPE, BASE64, ATTACHED]): string {
  return mixed(part(fields, interrupted(zip, line)), { boundary: BOUNDARY, field })
}

function typeOf([above, behind]: readonly [string, string]): string {
  return `${above}Content-Type: multipart/mixed; boundary="${BOUNDARY}"${behind}`
}

/** Mail in which one program finds a delimiter odd in one way, and takes lines that are odd in other ways for text. */
const crossed: readonly Evasion[] = [
  ...Object.entries(harmless).flatMap(([name, odd]) => [
    ...similarLines.map((line) => ({
      name: `${name}, and base64 with a line ${JSON.stringify(line)} in it`,
      text: () => withLine(typeOf(odd), line),
    })),
    {
      name: `${name}, and base64 that is called a multipart without a subtype`,
      text: () =>
        withLine(typeOf(odd), '--!!', [
          'Content-Type: multipart/; boundary="!!"',
          BASE64,
          ATTACHED,
        ]),
    },
  ]),
  ...Object.entries({
    'blanks behind them': '$& ',
    'blanks before the boundary': '-- :.:',
    'a NUL in them': '--\0:.:',
    'more behind them': '$&x',
  }).flatMap(([name, form], at) =>
    ['--:.: ', '-- :.:', '--:.:\0', '--:.:x', '--:.: x', '--:.:--x']
      .filter((line) => line !== '--:.:'.replace(/.*/, form) && !(at === 2 && line.includes('\0')))
      .map((line) => ({
        name: `delimiters with ${name}, and base64 with a line ${JSON.stringify(line)} in it`,
        text: () => withLine(typeOf(['', '']), line).replace(/^--:\.:(?=\n)/gm, form),
      })),
  ),
  ...Object.entries({
    'another boundary behind its own': 'boundary=":.:"; boundary="!!"',
    'another boundary in front of its own': 'boundary="!!"; boundary=":.:"',
    'a boundary with a backslash': 'boundary="\\:.:"; boundary="!!"',
    'three boundaries': 'boundary="!!"; boundary=":.:"; boundary="!?"',
  }).map(([name, boundaries]) => ({
    name: `${name}, and base64 with the delimiter of the other in it`,
    text: () => withLine(`Content-Type: multipart/mixed; ${boundaries}`, '--!!\n--!?'),
  })),
]

const FILE = `${FILE_TYPE}\n${BASE64}\n`

const TOP_FIELD =
  'Received: from sender.example.org by mx.example.net; Mon, 1 Jun 2026 10:00:00 +0000\n'

/** The test file as the text of the mail itself, whose place or lines libclamav does not get over. */
const ownTexts: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(
    ['signed', 'parallel'].flatMap((subtype) =>
      ['plain', 'enriched'].map((type) => [
        `in base64, text/${type} in multipart/${subtype}`,
        () => multipart(subtype, [ownText(type, BASE64, base64(testFile)), HTML]),
      ]),
    ),
  ),
  'in quoted-printable in multipart/signed': () =>
    multipart('signed', [ownText('plain', QUOTED, quotedPrintable(testFile)), HTML]),
  'in quoted-printable, in a line of 1,042 bytes': () => ownText('plain', QUOTED, longLine()),
  'in quoted-printable, in a line of 1,042 bytes of HTML': () =>
    ownText('html', QUOTED, longLine()),
  'in quoted-printable, in a line of 1,042 bytes in a multipart': () =>
    multipart('alternative', [ownText('plain', QUOTED, longLine()), HTML]),
}

function ownText(type: string, encoding: string, body: string): string {
  return part([`Content-Type: text/${type}; charset=utf-8`, encoding], body)
}

/** The test file across the place where libclamav cuts a line of mail. */
function longLine(): string {
  return `${'x'.repeat(970)}${quotedPrintable(testFile)}`
}

export const structure: readonly Evasion[] = [
  ...Object.entries(ownTexts).map(([name, text]) => ({
    name: `the test file as the text of the mail itself, ${name}`,
    text: () => mail(text()),
  })),
  ...['mixed', 'alternative'].map((subtype) => ({
    name: `a file behind the end of a multipart/${subtype} whose boundary begins with that around it`,
    text: () =>
      inParts(
        multipart(subtype, [TEXT], {
          boundary: 'b1=',
          epilogue: filePart(zip, [...FORM_DATA, BASE64]),
        }),
      ),
  })),
  ...named({
    'a text below an empty line, its first line a field to some': () =>
      `\nReport: ${latin1(testFile)}\n\nsee above\n`,
    'the same as an attached message': () =>
      inPart(['Content-Type: message/rfc822'], `\nReport: ${latin1(testFile)}\n\nsee above`),
    'a file with a line like a delimiter, of the type multipart without a subtype': () =>
      inPart(['Content-Type: multipart; boundary=B1', ATTACHED], latin1(trickyFile)),
    'multipart/related, a file first and then a multipart without text': () =>
      mail(multipart('related', [file, inner(other)])),
    'the same with the file in the multipart': () =>
      mail(multipart('related', [other, inner(file)])),
    'multipart/related, a file first and then an attached message': () =>
      mail(multipart('related', [file, part(['Content-Type: message/rfc822', ''], TEXT)])),
    'multipart/related within multipart/mixed, a file first and then a multipart of images': () =>
      inParts(
        TEXT,
        multipart('related', [file, multipart('mixed', [other], { boundary: 'i2' })], {
          boundary: 'in',
        }),
      ),
    'multipart/related of two files, the second one of text with a name': () =>
      mail(
        multipart('related', [
          part(['Content-Type: text/plain; name=a.zip', BASE64, ATTACHED], base64(zip)),
          multipart('alternative', [other], { boundary: 'in' }),
        ]),
      ),
    'multipart/digest whose mails have no fields above them': () =>
      mail(
        multipart('digest', [
          `\nSubject: x\nMIME-Version: 1.0\n${ZIP_TYPE}\n${BASE64}\n\n${base64(zip)}`,
        ]),
      ),
    'base64 with the delimiter of a multipart in it that was closed before': () =>
      inParts(
        multipart('mixed', [TEXT, HTML], { boundary: ';;' }),
        part([ZIP_TYPE, BASE64, ATTACHED], interrupted(zip, '--;;')),
      ),
    'a part below a delimiter that is a piece of a long line, its field quoted': () =>
      inParts(
        part(
          ['Content-Type: text/plain'],
          `${'x'.repeat(1022)}--b1\n>${QUOTED}\n\n${quotedPrintable(testFile)}`,
        ),
      ),
    'a part without fields below another one, whose text names the encoding behind a quote': () =>
      inParts(part([], `hello\n>${QUOTED}\n`), part([], quotedPrintable(testFile))),
    'base64 with the delimiter of a boundary in it that only a parameter x-boundary names': () =>
      inPart([`${ZIP_TYPE}; x-boundary=";;"`, BASE64, ATTACHED], interrupted(zip, '--;;')),
    'base64 with the delimiter in it that the part itself names as its boundary': () =>
      inPart([`${ZIP_TYPE}; boundary=";;"`, BASE64, ATTACHED], interrupted(zip, '--;;')),
    'base64 with the delimiter in it that a field of the mail above names as its boundary': () =>
      inPart([ZIP_TYPE, BASE64, ATTACHED], interrupted(zip, '--;;')).replace(
        'Subject: report',
        'Subject: report; boundary=";;"',
      ),
    'a file known by its digest with lines like delimiters and fields in it': () =>
      mixed(trickyPart),
    'the same in quoted-printable': () =>
      inPart(
        [FILE_TYPE, 'Content-Transfer-Encoding: quoted-printable'],
        latin1(trickyFile).replaceAll('=', '=3D'),
      ),
    'the same in an attached message': () =>
      inPart(['Content-Type: message/rfc822'], mixed(trickyPart, { boundary: 'b1y' })),
    'lines of dashes in a file that looks like base64': () =>
      inPart(
        ['Content-Type: application/x-any; name=a', 'Content-Transfer-Encoding: x-base64-not'],
        latin1(base64AlikeFile),
      ),
    'a boundary written in two pieces (RFC 2231)': () =>
      mail(
        multipart('mixed', [TEXT, file], {
          boundary: 'two-pieces',
          field: 'Content-Type: multipart/mixed; boundary*0="two-"; boundary*1="pieces"',
        }),
      ),
    'a boundary in two pieces, the second first, and a line like the first in a part': () =>
      mixed(
        part([FILE_TYPE, QUOTED], quotedPrintableText(trickyFile).replaceAll('--B1', '=2D-B1')),
        { boundary: 'b1c', field: 'Content-Type: multipart/mixed; boundary*1=c; boundary*0=b1' },
      ),
    'a boundary up to a comma without quotes': () =>
      mixed(file, { boundary: 'in', field: 'Content-Type: multipart/mixed; boundary=in,of' }),
    'a file with a line of dashes in a multipart without a boundary': () =>
      mixed(trickyPart, { field: 'Content-Type: multipart/mixed' }),
    'a multipart without a boundary, between lines of three dashes': () =>
      mixed(trickyPart, { boundary: '-', field: 'Content-Type: multipart/mixed' }),
    'a boundary with blanks at its end, in quotes': () =>
      mail(
        multipart('mixed', [TEXT, file], {
          field: 'Content-Type: multipart/mixed; boundary="b1  "',
        }),
      ),
    'a part behind the close of its multipart, within another': () =>
      inParts(`${inner(TEXT)}${delimited([file], 'in')}`.slice(0, -1), TEXT),
    // A part for Ruby's mail.
    'a part behind the close of its multipart, up to one more delimiter': () =>
      mail(`${multipart('mixed', [TEXT])}${file}\n--b1\n`),
    'uuencode in the preamble of a multipart': () =>
      mail(multipart('mixed', [TEXT], { preamble: `${uuencode(testFile)}\n` })),
    'uuencode in the epilogue of a multipart': () =>
      mail(multipart('mixed', [TEXT], { epilogue: `${uuencode(zip)}\n` })),
    'a multipart without a close, its file known by its digest': () =>
      inParts(TEXT, filePart(binaryFile)).replace(/\n--b1--\n$/, '\n'),
    'a multipart without a close, a text as it stands at its end': () =>
      inParts(TEXT, part([FILE_TYPE], latin1(textFile))).replace(/\n--b1--\n$/, ''),
    'a mail whose lines end in bare CRs, below the first one': () =>
      mixed(file).replace(/(?<!^[^\n]*)\n/g, '\r'),
    'a mail whose body has bare CRs and 100 KB before its file': () =>
      withBareCrs(
        mixed(part([FILE_TYPE, QUOTED], quotedPrintable(textFile)), {
          preamble: 'nothing to see in this line\n'.repeat(4000),
        }),
      ),
    'a mail whose header ends in bare CRs and whose body does not': () =>
      mixed(file).replace(/(?<!^[^\n]*)\n(?=[\s\S]*\n\n--b1)/g, '\r'),
    'a mail whose body has bare CRs': () => mixed(file).replace(/(?<=\n\n--b1[\s\S]*)\n/g, '\r'),
    'a part whose lines end in bare CRs': () => mixed(file.replaceAll('\n', '\r')),
    'a multipart in a multipart/signed whose lines end in bare CRs, below the first one': () =>
      mail(multipart('signed', [inner(TEXT, file), TEXT])).replace(/(?<!^[^\n]*)\n/g, '\r'),
    'an encoding behind a bare CR, and one before the data': () =>
      mail(`${ZIP_TYPE}\r${BASE64}\n\r${base64(zip)}\n`),
    'the same with a line of dashes among the data': () =>
      mail(`${ZIP_TYPE}\r${BASE64}\n\r${interrupted(zip, '--.')}\n`),
    'the end of the multipart among the fields of a part, and its data behind it': () =>
      mail(`${multipart('mixed', [`${ZIP_TYPE}\n${QUOTED}`])}${quotedPrintable(zip)}\n`),
    'the text of an attached message, known by its digest': () =>
      mail(
        multipart('parallel', [
          `Content-Type: message/rfc822\n\nSubject: x\n\n${latin1(openTextFile)}`,
        ]),
      ),
    'a begin line above a delimiter that only some see': () => {
      const [begin, ...lines] = uuencode(zip).split('\n')
      return `${TOP_FIELD}\nContent-Type: multipart/mixed; boundary="in"\n\n${begin}\n--in\n${lines.join('\n')}`
    },
    'a multipart without a boundary that declares base64 and is a text': () =>
      alone(
        ['Content-Type: multipart/mixed; name=x', 'Content-Transfer-Encoding:  base64'],
        latin1(textFile),
      ),
    'base64 with the delimiter of the multipart around in it, within one that is not closed': () =>
      mixed(inner(TEXT, `${FILE}\n${halved(base64(binaryFile), `--${BOUNDARY}`)}`), {
        boundary: BOUNDARY,
      }),
    'quoted-printable behind that delimiter, its fields before it': () =>
      mixed(inner(TEXT, part([ZIP_TYPE, QUOTED], `--b1\n${quotedPrintable(zip)}`))),
    'uuencode with a delimiter in it': () =>
      inPart(['Content-Type: text/plain'], halved(uuencode(zip), '--b1')),
    ...Object.fromEntries(
      ['--\0b1', '-\0-b1', '--b\x001'].map((line) => [
        `a text file above a delimiter with a NUL in it, as ${JSON.stringify(line)}`,
        () => mixed(`${FILE_TYPE}\n\n${latin1(openTextFile)}\n${line}\n${TEXT}`),
      ]),
    ),
    'a text file with a line that begins with a NUL, without which a digest knows it': () =>
      alone([FILE_TYPE], latin1(textFile).replace('\n', '\n\0\n')),
    'quoted-printable behind a line of a part that is no field, without which a digest knows it':
      () => mixed(`${FILE_TYPE}\n${QUOTED}\n.\n${quotedPrintable(textFile)}`),
    'quoted-printable that is announced between lines that are no fields': () => {
      const lines = '.\n'.repeat(5)
      return mixed(`${FILE_TYPE}\n${lines}${QUOTED}\n${lines}\n${quotedPrintable(textFile)}`)
    },
    'a mail without MIME-Version': () => mixed(file).replace('MIME-Version: 1.0\n', ''),
    'a file at once, no multipart, its end the end of the mail': () =>
      alone([ZIP_TYPE, BASE64], base64(zip)),
  }),
  {
    name: 'a mail of type x-sun-attachment, in whose parts are other fields',
    text: () =>
      mail(
        part(
          ['Content-Type: X-sun-attachment'],
          `----------\nX-Sun-Data-Type: text\n\nhello\n----------\n${part(
            ['X-Sun-Data-Type: default-app', 'X-Sun-Data-Name: report.bin'],
            latin1(textFile),
          )}`,
        ),
      ),
    openedBy: 'Thunderbird',
  },
  kind('alternative', [TEXT, HTML, file]),
  kind('alternative', [file, TEXT], ', the file first'),
  kind('digest', [part(['Subject: x', 'MIME-Version: 1.0', ZIP_TYPE, BASE64], base64(zip))]),
  kind('appledouble', [part(['Content-Type: application/applefile', BASE64], 'AAUWBwAC'), file]),
  kind('form-data'),
  kind('x-mixed-replace'),
  kind('byteranges'),
  kind('encrypted', [part(['Content-Type: application/pgp-encrypted'], 'Version: 1'), file]),
  kind('encrypted', [file, other], ', the file first'),
  kind('voice-message'),
  kind('fax-message'),
  kind('header-set'),
  kind('knowbot'),
  kind('signed', [TEXT, other, file]),
  kind('report', [TEXT, part(['Content-Type: message/delivery-status'], 'Action: failed'), file]),
  { name: 'multipart/ without subtype', text: () => mail(multipart('', [TEXT, file])) },
  interruptedBy('a line that begins as the delimiter does', `--${BOUNDARY};`),
  interruptedBy('a line that is the delimiter and blanks and more', `--${BOUNDARY} ;`),
  interruptedBy('a line that is the delimiter without its last character', '--:.'),
  interruptedBy('a line that is the close of the delimiter, and more', `--${BOUNDARY}--;`),
  interruptedBy('a line that is the delimiter behind a blank', ` --${BOUNDARY}`),
  interruptedBy('a line that is the delimiter behind a VT', `\x0b--${BOUNDARY}`),
  interruptedBy('a line that is the delimiter with a NUL in it', '--:.\0:'),
  interruptedBy('a line of two dashes', '--'),
  interruptedBy('a line that is the delimiter behind a third dash', `---${BOUNDARY}`),
  ...strangeHeader('five lines that are no fields', `${'.\n'.repeat(5)}`),
  ...strangeHeader('five lines of blanks', `${' \n'.repeat(5)}`),
  ...strangeHeader('five control characters, a line each', `${'\x1f\n'.repeat(5)}`),
  ...strangeHeader('a CR', '\r\n'),
  ...strangeHeader('a CR and a control character', '\r\n\x1f\n'),
  ...strangeHeader('a CR and five lines that are no fields', `\r\n${'.\n'.repeat(5)}`),
  ...strangeHeader('a bare CR, no fields and CRs', `X-A: b\r\r.\n.\n.\n\r\n.\n\r\n.\n`),
  ...strangeHeader('the end of the multipart and a line that is no field', '--b1--\n.\n'),
  ...strangeHeader(
    'lines that are no fields, a field and such lines again',
    `${'.\n'.repeat(5)}Content-Description: x\n${'.\n'.repeat(5)}`,
  ),
  ...textsInDoubt('a boundary in quotes of another', 'x="; boundary=zz"; boundary=b1'),
  ...textsInDoubt('two boundaries', 'boundary=zz; boundary=b1'),
  ...crossed,
]
