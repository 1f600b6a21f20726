import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  BASE64,
  base64,
  delimited,
  multipart,
  part as partOf,
} from '../scanner/scan/scanners/evasions/compose.ts'
import { stamped } from '../scanner/scan/stamps/independently-stamped.ts'

/** What was shown to get a virus past, or a tag believed, once. */
export interface Attack {
  readonly name: string
  /** Made at `now`, unix seconds, where a stamp matters. */
  message(now: number): Buffer
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const attack = (name: string, text: string): Attack => ({ name, message: () => bytes(text) })

const virus = Buffer.from(EICAR).toString('base64')
const [half, other] = [virus.slice(0, 48), virus.slice(48)]
const part = 'Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n'
const lone = `MIME-Version: 1.0\n${part}\n${half}\n${other}\n`
const mixed = (boundary: string) =>
  `MIME-Version: 1.0\n${multipart('mixed', [`${part}\n${half}\n${other}`], { boundary })}`

const rfc822 = 'MIME-Version: 1.0\nContent-Type: message/rfc822\n'

/** First fields by which a scanner takes mail for another kind of file. */
const magics = [
  ...['%PDF-1.4', 'MZ', 'GIF89a', '{\\rtf', 'Rar!', 'BZh9', 'ID3', 'OggS', 'xar!', 'FWS', 'CWS'],
  ...['PK', '%!PS-Adobe-3.0', '#!/bin/sh', 'Content-Disposition', 'Content-Type'],
]
/** Marks that libclamav looks for at an offset of a file, also below a field of 41 bytes. */
const marks = [
  ...[['ustar', 257] as const, ['ustar', 257 - 41] as const],
  ...[['EFI PART', 512] as const, ['EFI PART', 512 - 41] as const],
]

/** A part that is one only for programs that take the boundary with other blanks. */
const hiddenPart = partOf(
  ['Content-Type: application/octet-stream; name="a.com"', BASE64],
  base64(Buffer.from(EICAR), 24),
)
const otherBlanks = multipart(
  'mixed',
  [`${partOf(['Content-Type: text/plain'], 'Hello')}\n${delimited([hiddenPart], 'b  b')}`],
  { boundary: 'b b' },
)

/** Two messages in one for who takes other blanks for the boundary; the stamp is that of the first. */
const twoParts = (boundary: string) => ({
  message: (now: number) =>
    bytes(stamped(`MIME-Version: 1.0\n${otherBlanks}`, now).replace('"b b"', `"${boundary}"`)),
})

export const attacks: readonly Attack[] = [
  ...magics.map((magic) => attack(`first field ${magic}`, `${magic}: x\n${mixed('b')}`)),
  ...magics.map((magic) =>
    attack(`first field ${magic}, a lone attachment`, `${magic}: x\n${lone}`),
  ),
  ...marks.map((field) =>
    attack(`${field.slice(-8)} at ${field.length}`, `${field}\n${mixed('b')}`),
  ),
  attack('Content-Type first', `${mixed('b').replace('MIME-Version: 1.0\n', '')}`),
  attack('Content-Type first, in CRLF', mixed('b').slice(18).replaceAll('\n', '\r\n')),
  ...[
    '\r\n',
    '\r\r\n',
    ' \n',
    '\t\r\n',
    '\v\n',
    '\f\n',
    'no field\n',
    '\0\n',
    'A : b\n',
    'From x\n',
  ].flatMap((line) => [
    attack(
      `${JSON.stringify(line)} and X-QHPSI between the lines of an attachment`,
      `MIME-Version: 1.0\n${part}${line}${half}\nX-QHPSI: AAAA\n${other}\n\n`,
    ),
    attack(
      `${JSON.stringify(line)} and X-QHPSI among the lines of an attached part`,
      mixed('b').replace('\n\n', `\n${line}`).replace(half, `${half}\nX-QHPSI: AAAA`),
    ),
    attack(
      `${JSON.stringify(line)} and X-QHPSI: clean behind it`,
      `A: b\n${line}X-QHPSI: clean\n\nx\n`,
    ),
    attack(
      `${JSON.stringify(line)} and X-QHPSI: clean before it`,
      `X-QHPSI: clean\n${line}A: b\n\nx\n`,
    ),
  ]),
  attack(
    'a blank before the colon of X-QHPSI ends the header',
    `MIME-Version: 1.0\n${part}X-QHPSI : (\n${half}\nX-QHPSI: AAAA\n${other}\n\n`,
  ),
  attack('a bare CR before X-QHPSI', 'Subject: a\rX-QHPSI: clean\n\nHello\n'),
  attack('a bare CR before X-QHPSI and a virus', `Subject: a\rX-QHPSI: clean\n${lone}`),
  attack('CR CR before X-QHPSI', 'Subject: a\r\rX-QHPSI: clean\n\nHello\n'),
  attack('a NUL before X-QHPSI', 'Subject: a\n\0X-QHPSI: clean\n\nHello\n'),
  attack('a NUL in X-QHPSI', 'Subject: a\nX-QHPSI\0: clean\n\nHello\n'),
  attack('From above X-QHPSI', 'From x\nX-QHPSI: clean\nFrom y\nX-QHPSI: clean\n\nHello\n'),
  attack('a blank first line above X-QHPSI', ' \nX-QHPSI: clean\n\nHello\n'),
  attack('X-QHPSI in a continuation', 'Subject: a\n X-QHPSI: clean\n\nHello\n'),
  attack('X-QHPSI alone', 'X-QHPSI: clean'),
  attack(
    'a first line of blanks and CRs that a field on top makes whole',
    ` x\r${`MIME-Version: 1.0\n${part}`.replaceAll('\n', '\r')}\rA\n${virus}\n\nhello\n`,
  ),
  attack('17 X-QHPSI', `${'X-QHPSI: clean\n'.repeat(17)}\nHello\n`),
  attack('1,000 X-QHPSI', `${'X-QHPSI: clean\n'.repeat(1000)}\nHello\n`),
  attack('16,000 X-QHPSI', `${'X-QHPSI: x\n'.repeat(16_000)}\nHello\n`),
  attack('1,000 X-QHPSI and a virus', `${'X-QHPSI: clean\n'.repeat(1000)}${lone}`),
  { name: 'blanks in the boundary of a stamped message', ...twoParts('b  b') },
  { name: 'a tab in the boundary of a stamped message', ...twoParts('b\tb') },
  {
    name: 'Content-Type above a stamp',
    message: (now) => bytes(`Content-Type: text/html\n${stamped('Subject: a\n\nb\n', now)}`),
  },
  // libclamav finds these in LF and not in CRLF: scanners must see what is queued.
  attack(
    'a bare CR below the fields of an attachment',
    mixed('b').replace(part, `${part}\rX-A: b\n`),
  ),
  attack(
    'a bare CR below the fields of a lone attachment',
    lone.replace(part, `${part}\rX-A: b\n`),
  ),
  attack('a bare CR above the fields of an attached message', `${rfc822}\n\rX-A: b\n${mixed('b')}`),
  attack('a continuation and no field', '\tvirus found'),
  attack('a boundary of two blanks', mixed('b  b')),
  attack('twenty multiparts', nested(20)),
  attack('the virus as it is', `Subject: x\n\n${EICAR}\n`),
]

function nested(depth: number): string {
  let text = `${part}\n${virus}`
  for (let i = depth; i > 0; i--) text = multipart('mixed', [text], { boundary: `b${i}` })
  return `MIME-Version: 1.0\n${text}`
}
