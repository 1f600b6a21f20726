import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'

/** Messages that are as people send them, in LF, before anything is done to them. */

/** Base64 in lines short enough that others fit between them. */
const encoded = (text: string, width: number): string =>
  Buffer.from(text, 'latin1')
    .toString('base64')
    .replace(new RegExp(`.{${width}}`, 'g'), '$&\n')
    .trimEnd()

const harmless = 'Nothing but a harmless text that is as long as the other one is, or nearly so.'

const front = [
  'From: Ann <ann@example.org>',
  'To: ben@example.org',
  'Subject: the  minutes',
  'Date: Fri, 20 Nov 2026 10:00:00 +0000',
  'Message-ID: <1@example.org>',
  'MIME-Version: 1.0',
].join('\n')

function attachment(content: string): string {
  return [
    'Content-Type: application/octet-stream; name="a.com"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="a.com"',
    '',
    encoded(content, 24),
  ].join('\n')
}

function multipart(content: string, boundary: string): string {
  const delimiter = boundary.replaceAll('"', '')
  return [
    `Content-Type: multipart/mixed; boundary=${boundary}`,
    '',
    'preamble',
    `--${delimiter}`,
    'Content-Type: text/plain',
    '',
    'See what is attached.',
    `--${delimiter}`,
    attachment(content),
    `--${delimiter}--`,
    '',
  ].join('\n')
}

/** With a part that is one only for who takes the boundary with other blanks. */
const otherBlanks = [
  'Content-Type: multipart/mixed; boundary="b b"',
  '',
  '--b b',
  'Content-Type: text/plain',
  '',
  'Hello,',
  '--b  b',
  attachment(EICAR),
  '--b  b--',
  '--b b--',
  '',
].join('\n')

const text = 'Content-Type: text/plain\n\nHello Ben,\n\nhere they are.\n'
const inside = `From: c@example.org\nMIME-Version: 1.0\n${multipart(EICAR, 'in')}`

export interface Base {
  readonly name: string
  readonly text: string
  /** Nothing in it is a virus for anybody, so that a stamp on it is a true one. */
  readonly harmless: boolean
}

const base = (name: string, text: string, harmless = true): Base => ({ name, text, harmless })

export const bases: readonly Base[] = [
  base('text', `${front}\n${text}`),
  base('text, 8 bit', `${front}\n${text.replace('Hello', 'H\xe9llo')}`),
  base('text with the virus', `${front}\n${text}\n${EICAR}\n`, false),
  base('an attachment', `${front}\n${multipart(harmless, '"b"')}`),
  base('an attached virus', `${front}\n${multipart(EICAR, 'b')}`, false),
  base('an attached virus, blanks', `${front}\n${multipart(EICAR, '"b  b"')}`, false),
  base('a lone attachment', `${front}\n${attachment(harmless)}\n`),
  base('a lone virus', `${front}\n${attachment(EICAR)}\n`, false),
  base('a part for other blanks', `${front}\n${otherBlanks}`),
  base('an attached message', `${front}\nContent-Type: message/rfc822\n\n${inside}`, false),
  base('a header alone', `${front}\n`),
  base('a body alone', '\nHello\n'),
  base('no more than a field', 'Subject: x\n\n'),
]
