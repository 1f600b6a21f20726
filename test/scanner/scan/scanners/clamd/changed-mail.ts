import type { Random } from '../../../../run/random.ts'
import { allowedMail, type FileInMail } from './allowed-mail.ts'

/** Boundaries of multiparts in one another, from the outside in: some look like delimiters of those around them. */
const boundaries: readonly (readonly string[])[] = [
  ...[
    ['----=_Part_1', '----=_Part_2', '----=_Part_3'],
    ['b', '---b', '-----b'],
    ['b', 'B', 'bb'],
  ],
  ...[
    ['b', 'b--x', 'x--b'],
    ['b', 'b--', '--b--'],
    ['b', 'xb', 'bx'],
    ['-b', 'b', '--b'],
  ],
  ...[
    ['b--', 'b', 'b-'],
    ['a b', 'ab', 'a  b'],
    ['b: c', 'x: y', 'b:'],
    ["it's", "'b'", "b'"],
  ],
  ...[
    ['b(x)', 'b', '(x)b'],
    ['b', '(x)---b', 'x(b)'],
    ['a=b', 'a:b', 'a/b'],
    ['b', 'b', 'b'],
  ],
]

/** What may be around a boundary in a line like a delimiter. */
const leads = [
  '',
  '-',
  '--',
  '---',
  '-----',
  '------',
  '(x)',
  '(x)--',
  '--(x)',
  '-(x)-',
  ' --',
  '\0--',
  '\t--',
]
const ends = [
  '',
  '',
  '--',
  '--',
  '--x',
  '-- x',
  ' ',
  '\t',
  ';',
  '(x)',
  ':',
  ': x',
  '-',
  '\r',
  '--;',
  '"',
]

/** What may be at the end of a line, or amid one. */
const oddEnds = [...ends, ' ', '\n ', '=', '\0', '\n', ';;', ' ;', '=0D=0A=', '=0A', ' = ']

const fields = [
  'X-A: b',
  'X-A: b;',
  'X-A: "b',
  'X-A: b"c"d"',
  'X-A: (b',
  'X-A: b)',
  'X-A:',
  'X-A: ',
  ' folded',
  '\tfolded;',
  'Date: x',
  'Message-Id: <x>',
  'Received: from a',
  'From: a',
  'From a',
  '>From a',
  'Subject: x;',
  'Content-A: x',
  'Content-Type: text/plain',
  'Content-Type:',
  'Content-Type: text/html; charset=utf-8',
  'Content-Type: application/x; name=b',
  'Content-Type: multipart/mixed; boundary=b',
  'Content-Type: message/rfc822',
  'Content-Type: image/png;',
  'Content-Type (x): a/b',
  'Content-Type : a/b',
  'base64',
  ...['base64', 'quoted-printable', '7bit', 'binary', 'x-uuencode', ''].map(
    (word) => `Content-Transfer-Encoding: ${word}`,
  ),
  'content-transfer-encoding',
  'Content-Disposition: x',
  'Content-Disposition: inline;',
  'Content-Disposition: inline',
  'Content-Disposition: attachment; filename=b',
  'Content-ID: <a=b>',
  'Content-ID: a=b',
  'Content-Description: a;',
  'Content-Location: x',
  'Content-MD5: a==',
  'Content-Length: 3',
  'Content-Language: en',
  'filename=x',
  'name=x',
  'boundary=b',
  ' boundary=b',
  ' name="b;c"',
  ' charset=x',
  '; name=b',
  'MIME-Version: 1.0',
  'X-A: =?utf-8?q?=0A?=',
  `X-A: ${'x'.repeat(980)}`,
  `X-A: ${'x'.repeat(1_005)}`,
  'X-A: a\n\n',
  ': x',
  'x',
]
const others = [
  '',
  '',
  ' ',
  '  ',
  '\t',
  '\f',
  '\x0b',
  ';',
  ' ; ',
  '.',
  '-',
  '=',
  '==',
  '=20',
  '=0D',
  '=\n',
  '"',
  '(',
  ')',
  '\xa0',
  '\0',
  'YWJj',
  'YWI=',
  'Y',
  '*',
  'begin 644 x',
  '#86)C',
  '`',
  'end',
  '=ybegin line=128 size=3 name=x',
  '-----BEGIN PGP MESSAGE-----',
  'a\rb',
  'a\0b',
  '\r',
  'a\r',
  '(This file must be converted with BinHex 4.0)',
  'BEGIN:VCALENDAR',
  '%PDF-1.4',
  'PK\x03\x04',
  '<html>',
  'base64',
  '\xef\xbb\xbf',
  '\xff\xfe',
  'x'.repeat(990),
  'x'.repeat(1_005),
  '-- ',
  '----- Original message follows -----',
  '--- Below this line is a copy of the message.',
]

/** Parameters that programs read differently. */
const oddParameters = [
  'name="a;b=c"',
  'name="a;b=c"',
  'filename="a;b=c"',
  'name*0="a;"; name*1=b',
  "name*=utf-8''a%2Fb",
  'name=""',
  'name="../../x"',
  String.raw`name="a\"b"`,
  'name="a*b"',
  'filename="\xe4;"',
  `name=${'x'.repeat(300)}`,
]
/** The fields of files. */
const WITH_PARAMETERS = /^content-(?:type:\s*(?:application|image|audio|video)|disposition:\s*a)/i

const CHANGES_MAX = 3

interface ChangedMail {
  readonly mail: string
  readonly changes: number
}

/** A message as allowedMail() makes it, with up to three changes of lines, each at random. */
export function changedMail(
  random: Random,
  options: { readonly file?: FileInMail; readonly isForwarded?: boolean } = {},
): ChangedMail {
  const given = random.once(3) ? random.pick(boundaries) : undefined
  const made = allowedMail(random, {
    isForwarded: random.once(8),
    ...options,
    boundaries: given,
    isCalm: true,
  })
  const names = [...made.boundaries, 'b']
  const end = made.mail.includes('\r\n') ? '\r\n' : '\n'
  const lines = made.mail.split(end)
  if (random.once(2)) {
    const fields = [...lines.keys()].filter((at) => WITH_PARAMETERS.test(lines[at]!))
    if (fields.length > 0) lines[random.pick(fields)] += `; ${random.pick(oddParameters)}`
  }
  const oddLine = () => {
    if (random.once(2)) return random.pick(leads) + random.pick(names) + random.pick(ends)
    return random.pick(random.once(3) ? others : fields)
  }
  const changes = random.below(CHANGES_MAX + 1)
  for (let change = 0; change < changes; change++) {
    const at = random.below(lines.length)
    const line = lines[at]!
    const cut = random.below(line.length + 1)
    const kind = random.below(8)
    if (kind < 3) lines.splice(at, 0, ...Array.from({ length: 1 + random.below(3) }, oddLine))
    else if (kind === 3) lines[at] = line + random.pick(oddEnds)
    else if (kind === 4) lines[at] = line.slice(0, cut) + random.pick(oddEnds) + line.slice(cut)
    else if (kind === 5) lines.splice(at, 1, ...(random.once(2) ? [line, line] : []))
    else if (kind === 6)
      lines[at] = random.pick([line.toUpperCase(), line.toLowerCase(), line.trim(), ` ${line}`])
    else {
      const from = random.below(lines.length)
      lines.splice(at, 0, ...lines.slice(from, from + 1 + random.below(6)))
    }
  }
  const written = lines.join('\n').split('\n').join(end)
  return { mail: random.once(20) ? written.replace(/\r?\n$/, '') : written, changes }
}
