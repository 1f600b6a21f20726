import { contentForms } from '../../../../../src/mail/mime/covered/tried-forms.ts'
import { firstFields } from '../../../../../src/mail/mime/leaves/mail-starts.ts'
import type { Random } from '../../../../run/random.ts'
import type { KnownFile } from './kinds-of-signature.ts'

/** Boundaries of multiparts in one another, from the outside in: some look like delimiters of those around them. */
const boundaries: readonly (readonly string[])[] = [
  ['=_a.1', '=_a.2', '=_a.3'],
  ['----=_Part_1', '----=_Part_2', '----=_Part_3'],
  ['b', '---b', '-----b'],
  ['b', 'B', 'bb'],
  ['b', 'b--x', 'x--b'],
  ['b', 'b--', '--b--'],
  ['b', 'xb', 'bx'],
  ['-b', 'b', '--b'],
  ['b--', 'b', 'b-'],
  ['a b', 'ab', 'a  b'],
  ['b: c', 'x: y', 'b:'],
  ["it's", "'b'", "b'"],
  ['b(x)', 'b', '(x)b'],
  ['b', '(x)---b', 'x(b)'],
  ['a=b', 'a:b', 'a/b'],
  ['same', 'same', 'same'],
]

const leads = [
  ...['', '-', '--', '---', '-----', '------', '(x)', '(x)--', '--(x)', '-(x)-', ' --', '\0--'],
  '\t--',
]
const ends = [
  ...['', '', '--', '--', '--x', '-- x', ' ', '\t', ';', '(x)', ':', ': x', '-', '\r', '--;', '"'],
]

const fields = [
  ...['X-A: b', 'X-A: b;', 'X-A: "b', 'X-A: b"c"d"', 'X-A: (b', 'X-A: b)', 'X-A:', 'X-A: '],
  ...[' folded', '\tfolded;', 'Date: x', 'Message-Id: <x>', 'Received: from a', 'From: a'],
  ...['From a', '>From a', 'Subject: x;', 'Content-A: x', 'Content-Type: text/plain'],
  ...['Content-Type: text/html; charset=utf-8', 'Content-Type: application/x; name=b'],
  ...['Content-Type: multipart/mixed; boundary=b', 'Content-Type: message/rfc822'],
  ...['Content-Type: image/png;', 'Content-Type:', 'Content-Transfer-Encoding: base64'],
  ...['Content-Transfer-Encoding: quoted-printable', 'Content-Transfer-Encoding: 7bit'],
  ...['Content-Transfer-Encoding: binary', 'Content-Transfer-Encoding: x-uuencode'],
  ...['Content-Transfer-Encoding:', 'content-transfer-encoding', 'Content-Disposition: inline'],
  ...['Content-Disposition: attachment; filename=b', 'Content-Disposition: x'],
  ...['Content-Disposition: inline;', 'Content-ID: <a=b>', 'Content-Description: a;'],
  ...['Content-Location: x', 'Content-MD5: a==', 'Content-Length: 3', 'Content-Language: en'],
  ...['filename=x', 'name=x', 'boundary=b', ' boundary=b', ' name="b;c"', ' charset=x', '; name=b'],
  ...['Content-Type (x): a/b', 'Content-Type : a/b', 'X-A: =?utf-8?q?=0A?='],
  ...[`X-A: ${'x'.repeat(980)}`, `X-A: ${'x'.repeat(1_005)}`, 'MIME-Version: 1.0', 'X-A: a\n\n'],
  ...[': x', 'x'],
]
const others = [
  ...['', '', ' ', '\t', '\f', '\x0b', ';', ' ; ', '.', '-', '=', '==', '=20', '=0D', '=\n', '"'],
  ...['(', ')', '\xa0', '\0', 'YWJj', 'YWI=', 'Y', '*', 'begin 644 x', '#86)C', '`', 'end'],
  ...['=ybegin line=128 size=3 name=x', '-----BEGIN PGP MESSAGE-----', 'a\rb', 'a\0b', '\r', 'a\r'],
  ...['(This file must be converted with BinHex 4.0)', 'BEGIN:VCALENDAR', '%PDF-1.4', 'PK\x03\x04'],
  ...['<html>', 'base64', '\xef\xbb\xbf', '\xff\xfe'],
  'x'.repeat(990),
  'x'.repeat(1_005),
  '----- Original message follows -----',
  '--- Below this line is a copy of the message.',
  '-- ',
]

/** Types of files as mail programs announce them, and some that are rare. */
const types = [
  ...['application/octet-stream; name=a', 'application/octet-stream; name="a b.bin"'],
  ...['application/pdf', 'image/png; name=a.png', 'audio/x-wav', 'video/mp4'],
  ...['application/mac-binhex40; name=a', 'application/x-uuencode', 'application/pgp-encrypted'],
  ...['application/ms-tnef; name=winmail.dat', 'application/applefile'],
  ...['APPLICATION/X-A; a=b; c="d"', `application/x; name=${'x'.repeat(300)}`],
  ...["application/x; name*=utf-8''a%2Fb", 'application/x; name*0="a;"; name*1=b'],
  ...['application/x; name="../../x"', 'application/x; name=""'],
]
const dispositions = [
  ...['', '', 'attachment', 'inline', 'attachment; filename=a', 'attachment; filename="a;b=c"'],
  'inline;\n filename=a',
]

function encoded(bytes: Buffer, encoding: string, random: Random): string {
  if (encoding === 'identity') return bytes.toString('latin1')
  if (encoding === 'base64') {
    const width = random.pick([76, 76, 72, 60, 64, 998, 4])
    return `${bytes.toString('base64').replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\n')}${random.pick(['\n', '\n', '\n\n'])}`
  }
  return bytes.toString('latin1').replace(/[^\n !-<>-~]|[=%]/g, (character) => {
    return `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** A part with this content in a form that is tried on clamd. */
function partWith({ type, bytes }: Pick<KnownFile, 'type' | 'bytes'>, random: Random): string {
  const content = random.pick(contentForms.filter((form) => form.startsWith(`${type} `)))
  const encoding = content.split(' ')[1]!
  const isFile = type === 'file'
  const disposition = isFile ? random.pick(dispositions) : random.pick(['', '', 'inline'])
  const lines = [
    `Content-Type: ${isFile ? random.pick(types) : `${type}${random.pick(['', '; charset=utf-8', '; format=flowed'])}`}`,
    ...(encoding === 'identity' && random.once(2)
      ? []
      : [
          `Content-Transfer-Encoding: ${encoding === 'identity' ? random.pick(['7bit', '8bit']) : encoding}`,
        ]),
    ...(disposition === '' ? [] : [`Content-Disposition: ${disposition}`]),
    ...(random.once(3) ? ['Content-ID: <a@b>'] : []),
  ]
  if (random.once(2)) lines.reverse()
  return `${lines.join('\n')}\n\n${encoded(bytes, encoding, random)}`
}

const fillers: readonly Pick<KnownFile, 'type' | 'bytes'>[] = [
  { type: 'text/plain', bytes: Buffer.from('See below.\n') },
  { type: 'text/plain', bytes: Buffer.from('-- \nA signature\n') },
  { type: 'text/html', bytes: Buffer.from('<html><p>See below</p></html>\n') },
  { type: 'file', bytes: Buffer.from('abcdefghi'.repeat(30)) },
  { type: 'file', bytes: Buffer.from('PK\x03\x04 no archive') },
  { type: 'file', bytes: Buffer.from(`MZ${'\0'.repeat(58)}\x40\0\0\0PE\0\0`, 'latin1') },
  { type: 'file', bytes: Buffer.from('Rar!\x1a\x07\0 broken', 'latin1') },
  { type: 'file', bytes: Buffer.from('\x1f\x8b\x08\0\0\0\0\0\0\x03cut', 'latin1') },
  { type: 'file', bytes: Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'latin1') },
  { type: 'file', bytes: Buffer.from('7z\xbc\xaf\x27\x1c\0\x04', 'latin1') },
  { type: 'file', bytes: Buffer.from('%PDF-1.4\n1 0 obj\n<<', 'latin1') },
]

const ended = (entity: string) => (entity.endsWith('\n') ? entity : `${entity}\n`)

/** An ordinary mail with a file in it, and the boundaries of its multiparts. */
function ordinaryMail(known: KnownFile, random: Random) {
  const names = random.pick(boundaries)
  const depth = random.pick([0, 1, 1, 2, 2, 3])
  let entity = partWith(known, random)
  for (let level = depth - 1; level >= 0; level--) {
    const boundary = names[level]!
    const count = random.once(40) ? random.pick([97, 99, 100, 101, 120]) : random.below(4)
    const parts = Array.from({ length: count }, () => partWith(random.pick(fillers), random))
    if (random.once(12))
      parts.push(
        `Content-Type: message/rfc822\n\nFrom: x\n${partWith(random.pick(fillers), random)}`,
      )
    parts.splice(random.below(parts.length + 1), 0, entity)
    const subtype = random.once(20)
      ? random.pick(['report', 'signed', 'digest'])
      : random.pick(['mixed', 'mixed', 'alternative', 'related'])
    const delimiter = `--${boundary}\n`
    entity =
      `Content-Type: multipart/${subtype};${random.pick([' ', '\n '])}boundary="${boundary}"\n\n` +
      `${random.pick(['', '', 'A mail in parts.\n'])}${delimiter}${parts.map(ended).join(delimiter)}--${boundary}--\n${random.pick(['', '', '\nbelow\n'])}`
  }
  const top = [`${random.pick(firstFields)}: x`, 'From: a@example.org', 'MIME-Version: 1.0']
  return { mail: `${top.join('\n')}\n${entity}`, names: names.slice(0, Math.max(1, depth)) }
}

/** An ordinary mail with this file in a part, or one with up to `changesMax` changes. */
export function mailAround(
  known: KnownFile,
  random: Random,
  changesMax = 3,
): { readonly mail: string; readonly changes: number } {
  const { mail, names } = ordinaryMail(known, random)
  const lines = mail.split('\n')
  const oddLine = () => {
    if (random.once(2)) return random.pick(leads) + random.pick(names) + random.pick(ends)
    return random.pick(random.once(3) ? others : fields)
  }
  const changes = random.below(changesMax + 1)
  for (let change = 0; change < changes; change++) {
    const at = random.below(lines.length)
    const line = lines[at]!
    const cut = random.below(line.length + 1)
    const kind = random.below(8)
    if (kind < 3) lines.splice(at, 0, ...Array.from({ length: 1 + random.below(3) }, oddLine))
    else if (kind === 3) lines[at] = line + random.pick(ends)
    else if (kind === 4)
      lines[at] =
        line.slice(0, cut) +
        random.pick([...ends, ' ', '\n ', '=', '\0', '(x)', '\n']) +
        line.slice(cut)
    else if (kind === 5) lines.splice(at, 1, ...(random.once(2) ? [line, line] : []))
    else if (kind === 6)
      lines[at] = random.pick([line.toUpperCase(), line.toLowerCase(), line.trim(), ` ${line}`])
    else {
      const from = random.below(lines.length)
      lines.splice(at, 0, ...lines.slice(from, from + 1 + random.below(6)))
    }
  }
  const end = random.pick(['\n', '\r\n'])
  const written = lines.join('\n').split('\n').join(end)
  return { mail: random.once(20) ? written.replace(/\r?\n$/, '') : written, changes }
}
