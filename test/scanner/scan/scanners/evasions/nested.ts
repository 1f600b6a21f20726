import {
  BASE64,
  base64,
  type Evasion,
  FILE_TYPE,
  filePart,
  inPart,
  inParts,
  mail,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  quotedPrintableText,
  TEXT,
  ZIP_TYPE,
} from './compose.ts'
import { textFile, zip, zipOf } from './files.ts'

/** A message of its own with a zip, below these first fields. */
function inner(first: string, boundary = 'in', file = filePart(zip)): string {
  return `${first}MIME-Version: 1.0\n${multipart('mixed', [TEXT, file], { boundary })}`
}

const RFC822 = 'Content-Type: message/rfc822'

/** The same attached to a message, this many times around one another. */
function wrapped(text: string, depth: number, fields = [RFC822]): string {
  let message = text
  for (let level = 1; level < depth; level++) {
    const content = part(fields, message)
    message = `Subject: ${level}\n${multipart('mixed', [TEXT, content], { boundary: `w${level}x` })}`
  }
  return inPart(fields, message)
}

function attachedMail(name: string, text: () => string): Evasion[] {
  return [1, 2, 4, 8].map((depth) => ({
    name: `an attached message ${name}${depth > 1 ? `, ${depth} deep` : ''}`,
    text: () => wrapped(text(), depth),
  }))
}

/** Fields that scanners do not know mail by, of more bytes than show what a file is. */
const LONG_FIELDS = `X-Any: b\n${'X-Long: a field of a mail that went a long way\n'.repeat(20)}`

/** A message with a zip in a part that libclamav does not look into. */
function unseen(): string {
  const fields = ['Content-Type: text/plain; name="report.zip"', BASE64]
  const disposition = 'Content-Disposition: form-data; filename="report.zip"'
  return inner('X-Any: b\n', 'in', filePart(zip, [...fields, disposition]))
}

/** A word at an offset, as clamd looks for those of other files. */
function wordAt(word: string, offset: number): string {
  const first = 'Subject: x\nX-Filler: '
  return `${first}${'x'.repeat(offset - first.length)}${word}\n`
}

/** Fields that libclamav takes for the first bytes of other files. */
const firstFields = [
  'GIF89a: x',
  'MZ: x',
  '%PDF-1.4: x',
  'Rar!: x',
  'BZh9: x',
  'ID3: x',
  '{\\rtf: x',
  'xar!: x',
  'X-Any: b',
  'Content-Language: en',
  'Content-Type: text/plain',
]

function encodedMail(name: string, type: string, text: () => string): Evasion[] {
  const fields = [`Content-Type: ${type}`, 'Content-Disposition: attachment']
  return [
    {
      name: `${name}, in base64`,
      text: () => inPart([...fields, BASE64], base64(Buffer.from(text(), 'latin1'))),
    },
    {
      name: `${name}, in quoted-printable`,
      text: () => inPart([...fields, QUOTED], quotedPrintableText(Buffer.from(text(), 'latin1'))),
    },
    {
      name: `${name}, as it stands`,
      text: () => inPart([...fields, 'Content-Transfer-Encoding: 8bit'], text()),
    },
  ]
}

const prefixed = (prefix: Buffer) => Buffer.concat([prefix, zip])
const filler = Buffer.alloc(150_000, 'a text in front ')

export const nested: readonly Evasion[] = [
  ...firstFields.flatMap((field) =>
    attachedMail(`that begins with ${field}`, () => inner(`${field}\nSubject: x\n`)).slice(0, 2),
  ),
  ...attachedMail('with ustar at byte 257', () => inner(wordAt('ustar', 257))),
  ...attachedMail('with EFI PART at byte 512', () => inner(wordAt('EFI PART', 512))).slice(0, 2),
  ...attachedMail('with CD001 at byte 32,769', () =>
    inner(`${'Subject: 23456\n'.repeat(2184)}X-A: 2345CD001\n`),
  ).slice(0, 1),
  ...attachedMail('that begins with an empty line', () => `\n${inner('Subject: x\n')}`),
  ...attachedMail('that begins with From', () => inner('From a@b Mon Jun  1 10:00:00 2026\n')),
  ...attachedMail('that begins with >From', () => inner('>From a@b Mon Jun  1 10:00:00 2026\n')),
  ...attachedMail('whose part has a comment across its fields', () =>
    inner(
      'Subject: x\n',
      'in',
      part([ZIP_TYPE, 'X-A: (', BASE64, 'X-B: )'], base64(zip, 40).replace(/$/gm, ' *')),
    ),
  ),
  ...attachedMail('with a text that a digest knows', () =>
    inner('Subject: x\n', 'in', part([FILE_TYPE], textFile.toString('latin1'))),
  ),
  ...attachedMail('whose base64 begins with Content', () =>
    inner('Subject: x\n', 'in', filePart(prefixed(Buffer.from('ContentA', 'base64')))),
  ),
  ...encodedMail('a mail in a file x.eml', 'application/octet-stream; name=x.eml', () =>
    inner('X-A: b\n'),
  ),
  ...encodedMail(
    'a mail in a file that is named as nothing',
    'application/octet-stream; name=x',
    () => inner('Subject: x\n'),
  ),
  ...encodedMail('a mail in a text', 'text/plain; name=x.txt', () => inner('X-A: b\n')),
  ...encodedMail('an attached message', 'message/rfc822', () => inner('X-A: b\n')),
  ...encodedMail('message/global', 'message/global', () => inner('X-A: b\n')),
  ...encodedMail('message/x-any', 'message/x-any', () => inner('X-A: b\n')),
  ...encodedMail(
    'a mailbox of two mails',
    'application/mbox; name=a.mbox',
    () =>
      `From a@b Mon Jun  1 10:00:00 2026\nSubject: 1\n\nhello\n\nFrom a@b Mon Jun  1 10:00:00 2026\n${inner('Subject: 2\n')}`,
  ),
  ...Object.entries({
    'whose header is long': (text: string) => `${LONG_FIELDS}${text}`,
    'whose header is long, below a line that is no field': (text: string) =>
      `a line\n${LONG_FIELDS}${text}`,
    'whose header is long, below >From': (text: string) =>
      `>From a@b Mon Jun  1 10:00:00 2026\n${LONG_FIELDS}${text}`,
  }).flatMap(([name, of]) =>
    encodedMail(`an attached message ${name}`, 'message/rfc822', () => of(unseen())),
  ),
  ...encodedMail(
    'a mail whose header is long, in a file x.eml',
    'application/octet-stream; name=x.eml',
    () => `${LONG_FIELDS}${unseen()}`,
  ),
  ...encodedMail(
    'a mail below a line that is no field, in a file x.eml',
    'application/octet-stream; name=x.eml',
    () => `a line\n${unseen()}`,
  ).slice(0, 2),
  ...Object.entries({ 'whose header is long': LONG_FIELDS, 'below a line': 'a line\n' }).map(
    ([name, first]) => ({
      name: `a mail in base64 without a type in a digest, ${name}`,
      text: () =>
        mail(multipart('digest', [part([BASE64], base64(Buffer.from(`${first}${unseen()}`)))])),
    }),
  ),
  ...named({
    'an attached message in base64 behind a text that is shown, of the same bytes': () => {
      const bytes = base64(Buffer.from(unseen()))
      const shown = part(['Content-Type: text/plain', BASE64], bytes)
      return inParts(TEXT, shown, part([RFC822, BASE64], bytes))
    },
    'a mail in base64 in a mail in base64 in a mail in base64': () => {
      let text = inner('X-A: b\n')
      for (let level = 0; level < 3; level++) {
        text = inner('X-A: b\n', `e${level}x`, part([RFC822, BASE64], base64(Buffer.from(text))))
      }
      return inPart([RFC822, BASE64], base64(Buffer.from(text)))
    },
    'a zip behind six bytes': () => mixed(filePart(prefixed(Buffer.from('\x01\x02\x03abc')))),
    'a zip behind the first bytes of a picture': () =>
      mixed(filePart(prefixed(Buffer.from('\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01', 'latin1')))),
    'a zip behind 150,000 bytes of text': () => mixed(filePart(prefixed(filler))),
    'a zip with bytes behind its end': () =>
      mixed(filePart(Buffer.concat([zip, filler.subarray(0, 3000)]))),
  }),
  ...[12, 13, 14].map((depth) => ({
    name: `messages in base64 in one another, ${depth} deep`,
    text: () => mail(inBase64(depth)),
  })),
  ...named(
    {
      'a zip in a zip': () => mixed(filePart(zipOf('report.zip', zip))),
    },
    'who opens the archive in the archive',
  ),
]

/** A message in base64 that holds another, so deep, and the innermost a file. */
function inBase64(depth: number): string {
  if (depth === 0) return filePart(zip)
  const message = `Subject: x\nMIME-Version: 1.0\n${inBase64(depth - 1)}\n`
  return part([RFC822, BASE64], base64(Buffer.from(message, 'latin1')))
}
