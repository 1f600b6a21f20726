import { createHash } from 'node:crypto'
import type { HostileShape } from './hostile-shapes.ts'

/**
 * Messages whose headers and names cost those who listen to the reading more than their size is worth: for
 * stamps, copies, attachments, rules, logs and quarantine. Stamps are of the key `k1`, and forged.
 */

/** Repeats a piece with its number to about this many bytes. */
function repeated(size: number, piece: (n: number) => string): string {
  const pieces: string[] = []
  for (let n = 0, length = 0; length < size; n++) {
    const next = piece(n)
    pieces.push(next)
    length += next.length
  }
  return pieces.join('')
}

/** A field of about this many bytes, in lines of less than 998 bytes. */
function folded(field: string, size: number, piece: (n: number) => string): string {
  const per = Math.ceil(800 / piece(0).length)
  let count = 0
  const line = () => Array.from({ length: per }, () => piece(count++)).join('')
  return `${field}\n${repeated(size, () => ` ${line()}\n`)}`
}

/** Fields, as many as a header may have. */
function fields(size: number, field: (n: number, filling: string) => string): string {
  const count = 4800
  const filling = 'x'.repeat(Math.max(0, size / count - field(0, '').length))
  return Array.from({ length: count }, (_, n) => field(n, filling)).join('')
}

const now = () => Math.floor(Date.now() / 1000)
const forged = (n: number) =>
  `X-SHA256-Cluster-${n}: v=1; k=k1; t=${now()}; s=clamd,everypart;\n h=${'A'.repeat(43)}\n`
const stamps = () => Array.from({ length: 16 }, (_, n) => forged(n)).join('')

const hex = (text: string) =>
  [...Buffer.from(text, 'latin1')].map((byte) => `=${byte.toString(16)}`).join('')
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')
const words = (count: number, word: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => word(n)).join('')
/** 24 encoded words, which readers decode in different ways. */
const name24 = (n: number) => words(24, (m) => `=?utf-8?Q?${n}=41(${m})?=\\ `)
const type = (parameters: string) => `Content-Type: a/b${parameters}\n`
const names = (count: number, name: (n: number) => string) =>
  words(count, (n) => `;\n name="${name(n)}${n}"(c) x`)
/** Sections of one value, half of them with the number of another one, and not in their order. */
const sections = (name: string, text: string) =>
  words(900, (n) => `;\n ${name}*${((n * 7919) % 900) & ~1}="${text}"`)
const digest = (n: number) => createHash('sha512').update(String(n)).digest('base64')

const headers: Readonly<Record<string, (size: number) => string>> = {
  'forged stamps above fields that nobody binds': (size) =>
    stamps() + fields(size, (n, x) => `Received: from ${n} ${x}\n`),
  'forged stamps below such fields': (size) =>
    fields(size, (n, x) => `Received: from ${n} ${x}\n`) + stamps(),
  'forged stamps above one long field': (size) => stamps() + folded('Received: x', size, String),
  'forged stamps between fields': (size) =>
    words(16, (n) => forged(n) + folded('X-Any: x', size / 16, String)),
  'forged stamps above encoded words': (size) =>
    stamps() + folded('Received: x', size, (n) => `=?x?q?=3D=3Fx=3Fb=3F${n}?=`),
  'stamps alone': (size) => fields(size, (n) => forged(n)),
  'md5 stamps': (size) => fields(size, (n) => `X-MD5-Cluster-${n}: ${'0'.repeat(32)}\n`),
  'words that tell nothing': (size) => folded('Received: x', size, (n) => `A_B${n} c;h=d:e ._`),
  'fields of copies': (size) => fields(size, (n, x) => `To: ${n} ${x}\n`),
  'fields with odd names': (size) => fields(size, (n, x) => `X-(${n}): ${x}\n`),
  'fields with names of eight bits': (size) => fields(size, (n, x) => `\xe9${n}: ${x}\n`),
  'fields that are removed': (size) => fields(size, (_, x) => `X-QHPSI: ${x}\n`),
  'fields about content': (size) => fields(size, (n, x) => `Content-X${n}: ${x}\n`),
  'lines of one blank': (size) => `X-Any: y${'\n '.repeat(size / 2)}z\n`,
  'lines of one character': (size) => `X-Any: y${'\n z'.repeat(size / 3)}\n`,
  'lines of dashes': (size) => `Content-Type: a/b\n${'--x\n'.repeat(size / 4)}`,
  'lines of dashes between fields': (size) => repeated(size, () => 'Content-Type: a/b\n--x\n'),
  'addresses with encoded words': (size) =>
    folded('To: x', size, (n) => `=?utf-8?b?QUJD${n % 10}?= <a${n}@example.org>,`),
  'addresses behind one encoded word': (size) =>
    folded('To: =?utf-8?b?QUJD?=', size, (n) => `<a${n}@example.org>,`),
  'escapes behind an encoded word in base64': (size) =>
    folded('Subject: =?utf-8?b?', size, () => '=51=55=4A=44'),
  'paddings behind an encoded word': (size) => folded('Subject: =?x?b?', size, () => 'QQ=='),
  'base64 in base64 behind an encoded word': (size) =>
    `Subject: =?x?b?${base64(`=?x?b?${base64(`=?x?q?${'=41'.repeat(size / 6)}`)}`)}\n`,
  'encodings without an end': (size) => folded('Subject: =?x', size, () => '?b?=?'),
  'fields in an encoded word': (size) =>
    `Subject: =?x?q?=0A${hex(`Content-Type: a/b${'; charset=y'.repeat(size / 34)}`)}\n`,
  'character sets': (size) => folded('Content-Type: a/b', size, (n) => `; charset=x${n}`),
  'character sets in pieces': (size) =>
    folded('Content-Type: a/b', size, (n) => `; charset*0=${n}`),
  boundaries: (size) => folded('Content-Type: a/b', size, (n) => `; boundary=x${n}`),
  'boundaries without a value': (size) => folded('Content-Type: a/b', size, () => '; boundary'),
  comments: (size) => folded('Content-Type: a/b', size, () => '(a'),
  'comments in an encoding': (size) => folded('Content-Transfer-Encoding: x', size, () => '(a) '),
  'letters in an encoding': (size) => folded('Content-Transfer-Encoding: x', size, () => 'a='),
  names: (size) => folded('Content-Type: a/b', size, () => '; name=b'),
  'one long name': (size) => `Content-Type: a/b; name="\n${folded('', size, digest)}"\n`,
  'escapes in a name': (size) =>
    folded("Content-Disposition: x; filename*=utf-8''", size, () => '%41'),
  '96 names of encoded words': () => type(names(96, name24)),
  '96 names of words of unknown sets': () =>
    type(names(96, (n) => words(24, (m) => `=?x${n}-${m}?b?QUJD?=\\ `))),
  '96 names of words in UTF-7': () =>
    type(names(96, (n) => words(24, (m) => `=?utf-7?q?+${n}-${m}?= `))),
  '96 names of words in UTF-16': () =>
    type(names(96, (n) => words(24, (m) => `=?utf-16?b?${base64(`${n}${m}`)}?= `))),
  '96 long names': (size) => type(names(96, () => 'a\\b '.repeat(size / 400))),
  '96 long names with an encoded word': (size) =>
    type(names(96, () => `=?x?q?${'a\\b=41'.repeat(size / 800)}`)),
  '96 names of eight bits': (size) => type(names(96, () => 'e\u0301\xe9'.repeat(size / 400))),
  'fields of names': (size) => repeated(size / 10, (n) => type(names(9, (m) => `a\\${n} ${m}`))),
  'sections of names': (size) =>
    folded('Content-Disposition: x', size, (n) => `; filename*${n}*=%41`),
  'sections of a character set': (size) => type(sections('charset', 'x'.repeat(size / 1000))),
  'sections of a boundary': (size) => type(sections('boundary', ' '.repeat(size / 1000))),
}

const inMultipart = (part: (n: number) => string) => (size: number) =>
  `Content-Type: multipart/mixed; boundary=b\n\n${repeated(size, (n) => `--b\n${part(n)}\nx\n`)}`

const bodies: Readonly<Record<string, (size: number) => string>> = {
  'parts of 96 names of encoded words': inMultipart((k) => type(names(96, (n) => name24(n + k)))),
  'parts of 96 names': inMultipart((k) => type(names(96, (n) => `${'ab/'.repeat(30)}${k}.${n}`))),
  'parts of one name': inMultipart((k) => type(`; name="a${k}"`)),
  'names of uuencode': (size) =>
    `A: b\n\n${repeated(size, (n) => `begin 644 ${name24(n)}\n#86)C\n`)}`,
  'names of a calendar': (size) =>
    `Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n${repeated(size, (n) => `ATTACH;FILENAME="${digest(n)}";ENCODING=BASE64:QUJD\n`)}`,
}

export const listenerShapes: readonly HostileShape[] = [
  ...Object.entries(headers).map(([name, make]) => ({
    name: `${name} in a header`,
    make: (size: number) => `From: a@example.org\n${make(size)}Subject: x\n\nx\n`,
  })),
  ...Object.entries(bodies).map(([name, make]) => ({ name, make })),
]
