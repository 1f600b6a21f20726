import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  BASE64,
  base64,
  delimited,
  multipart,
  part,
} from '../../test/scanner/scan/scanners/evasions/compose.ts'

/** Messages that are as people send them, in LF, before anything is done to them. */

const harmless = 'Nothing but a harmless text that is as long as the other one is, or nearly so.'

const front = [
  'From: Ann <ann@example.org>',
  'To: ben@example.org',
  'Subject: the  minutes',
  'Date: Fri, 20 Nov 2026 10:00:00 +0000',
  'Message-ID: <1@example.org>',
  'MIME-Version: 1.0',
].join('\n')

const text = part(['Content-Type: text/plain'], 'Hello Ben,\n\nhere they are.')

/** In lines short enough that others fit between them. */
function attachment(content: string): string {
  const type = 'Content-Type: application/octet-stream; name="a.com"'
  const fields = [type, BASE64, 'Content-Disposition: attachment; filename="a.com"']
  return part(fields, base64(Buffer.from(content), 24))
}

/** The boundary is as it is written in the field. */
function mixed(content: string, boundary: string): string {
  return multipart('mixed', [text, attachment(content)], {
    boundary: boundary.replaceAll('"', ''),
    field: `Content-Type: multipart/mixed; boundary=${boundary}`,
    preamble: 'preamble\n',
  })
}

/** With a part that is one only for who takes the boundary with other blanks. */
const inOtherBlanks = `${text}\n${delimited([attachment(EICAR)], 'b  b')}`
export const otherBlanks = multipart('mixed', [inOtherBlanks], { boundary: 'b b' })

const inside = `From: c@example.org\nMIME-Version: 1.0\n${mixed(EICAR, 'in')}`

export interface Base {
  readonly text: string
  /** Nothing in it is a virus for anybody, so that a stamp on it is a true one. */
  readonly harmless: boolean
}

const base = (mail: string, isHarmless = true): Base => ({ text: mail, harmless: isHarmless })

export const bases: readonly Base[] = [
  base(`${front}\n${text}\n`),
  base(`${front}\n${text.replace('Hello', 'H\xe9llo')}\n`),
  base(`${front}\n${text}\n\n${EICAR}\n`, false),
  base(`${front}\n${mixed(harmless, '"b"')}`),
  base(`${front}\n${mixed(EICAR, 'b')}`, false),
  base(`${front}\n${mixed(EICAR, '"b  b"')}`, false),
  base(`${front}\n${attachment(harmless)}\n`),
  base(`${front}\n${attachment(EICAR)}\n`, false),
  base(`${front}\n${otherBlanks}`),
  base(`${front}\nContent-Type: message/rfc822\n\n${inside}`, false),
  base(`${front}\n`),
  base('\nHello\n'),
  base('Subject: x\n\n'),
]
