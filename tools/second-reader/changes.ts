import type { Random } from '../../test/run/random.ts'

/** What is done to a message: a text in LF from a text in LF. */
export type Change = (text: string, random: Random) => string

/** Header and the rest, at the first empty line; of a text without one all is header. */
function cut(text: string): readonly [header: string[], rest: string] {
  const end = text.startsWith('\n') ? 0 : text.indexOf('\n\n') + 1
  const [header, rest] =
    end === 0 && !text.startsWith('\n') ? [text, ''] : [text.slice(0, end), text.slice(end)]
  return [linesOf(header), rest]
}

const linesOf = (text: string) => text.split(/(?<=\n)/)

function putInto(lines: string[], random: Random, line: string): string {
  return lines.toSpliced(random.below(lines.length + 1), 0, line).join('')
}

/** A change that puts one of these lines somewhere into the header. */
const inHeader =
  (choice: readonly string[]): Change =>
  (text, random) => {
    const [lines, rest] = cut(text)
    return putInto(lines, random, `${random.pick(choice)}\n`) + rest
  }

/** The same into the body: more often than not into the last lines, where an attachment is. */
const inBody =
  (choice: readonly string[]): Change =>
  (text, random) => {
    const [lines, rest] = cut(text)
    const body = linesOf(rest)
    const place = random.once(3) ? random.below(body.length + 1) : body.length - 1 - random.below(6)
    return (
      lines.join('') + body.toSpliced(Math.max(1, place), 0, `${random.pick(choice)}\n`).join('')
    )
  }

/** First bytes by which libclamav takes a file for something else than mail. */
const magics =
  '%PDF-1.4 MZ GIF89a {\\rtf Rar! BZh9 ID3 OggS xar! FWS CWS RIFF BM PK 7z SIT! ustar #!/bin/sh !<arch> %!PS'.split(
    ' ',
  )

const ours = [
  'X-QHPSI: clean',
  'x-qhpsi:virus found',
  'X-QHPSI : clean',
  'X-QHPSI : (',
  'X-QHPSI\t: clean',
  'X-Qhpsi:\n clean',
  'X-QHPSI: clean\n\tmore',
  'X-QHPSI:',
  'X-QHPSI: \r',
  ' X-QHPSI: clean',
  'X-QHPSI\0: clean',
  '\0X-QHPSI: clean',
  'X-QHPSI: cl\0ean',
  'X-QHPSI: a\rX-QHPSI: b',
  'X-QHPSI: clean\r',
  '\rX-QHPSI: clean',
  'X-QHPSI: clean\n \nX-QHPSI: clean',
]

/** Lines that end the header for some and for others not. */
const odd = [
  '\r',
  '\r\r',
  ' ',
  '\t',
  ' \r',
  '\r ',
  'no field',
  ':',
  ' : x',
  'From x',
  '>From x',
  'Name : value',
  '(c)Name: value',
  '\0',
  '\v',
  '\f',
  '\x85',
  'N\xe9m: x',
  'X-A: b\r',
  'X-A: b\r\r',
  '--b',
  'begin 644 x',
]

const bare = [
  'Subject: a\rX-QHPSI: clean',
  'Subject: a\r\rX-QHPSI: clean',
  'Subject: a\r\nX-QHPSI: clean',
  'Subject: a\rContent-Type: text/plain',
  'Subject: a\r X-QHPSI: clean',
  'Subject: \rX-QHPSI : clean\r',
]

const stampLike = [
  'X-SHA256-Cluster-1: v=1; k=alpha; t=1; s=clamd; h=x',
  'X-MD5-Cluster-1: d41d8cd98f00b204e9800998ecf8427e',
  'x-sha256-cluster-99: no stamp',
]

const unbound = ['Received: x', 'DKIM-Signature: x', 'ARC-Seal: i=1', 'Return-Path: <a@b>']
const bound = ['X-Any: x', 'Content-Type: text/html', 'MIME-Version: 1.0', 'Content-Length: 5']

export const changes: Readonly<Record<string, Change>> = {
  'first field of another kind of file': (text, random) => `${random.pick(magics)}: x\n${text}`,
  'a field first that is not From': (text, random) => {
    const [lines, rest] = cut(text)
    const [line] = lines.splice(random.below(lines.length), 1)
    return [line, ...lines].join('') + rest
  },
  'X-QHPSI in the header': inHeader(ours),
  'X-QHPSI on top': (text, random) => `${random.pick(ours)}\n${text}`,
  'X-QHPSI in the body': inBody(['X-QHPSI: AAAA']),
  'X-QHPSI in the body, odd': inBody(ours),
  'an odd line in the header': inHeader(odd),
  'an odd line instead of the empty one': (text, random) => {
    const [lines, rest] = cut(text)
    return `${lines.join('')}${random.pick(odd)}${rest}`
  },
  'an odd line and X-QHPSI behind it': (text, random) => {
    const [lines, rest] = cut(text)
    const above = lines.splice(0, random.below(lines.length + 1))
    const below = putInto(lines, random, 'X-QHPSI: clean\n')
    return `${above.join('')}${random.pick(odd)}\n${below}${rest}`
  },
  'an odd first line': (text, random) => `${random.pick(odd)}\n${text}`,
  'a bare CR in a field': inHeader(bare),
  'a line like a stamp': inHeader(stampLike),
  'a field that hosts add': inHeader(unbound),
  'a field that no host adds': inHeader(bound),
  'many X-QHPSI': (text, random) => 'X-QHPSI: clean\n'.repeat(8 + random.below(20)) + text,
  'a line twice': (text, random) => {
    const [lines, rest] = cut(text)
    return putInto(lines, random, random.pick(lines)) + rest
  },
  'a line less': (text, random) => {
    const lines = linesOf(text)
    return lines.toSpliced(random.below(lines.length), 1).join('')
  },
  'a line elsewhere': (text, random) => {
    const lines = linesOf(text)
    const [line = ''] = lines.splice(random.below(lines.length), 1)
    return putInto(lines, random, line)
  },
  'a blank twice': (text, random) => {
    const blanks = [...text.matchAll(/ /g), { index: text.length }]
    const { index } = random.pick(blanks)
    return `${text.slice(0, index)} ${text.slice(index)}`
  },
  'a boundary with a blank more': (text) => text.replace(/(boundary="b) +(b")/, '$1  $2'),
  'another case': (text, random) => {
    const [lines, rest] = cut(text)
    const place = random.below(lines.length)
    lines[place] = lines[place]!.replace(/^[^:]*/, (name) => name.toUpperCase())
    return lines.join('') + rest
  },
  'another byte': (text, random) => {
    const place = random.below(text.length + 1)
    return text.slice(0, place) + String.fromCharCode(random.below(256)) + text.slice(place + 1)
  },
  'a byte more': (text, random) => {
    const place = random.below(text.length + 1)
    const bytes = random.pick(['\0', '\r', '\n', ' ', '\n\n', '\r\n', ':'])
    return text.slice(0, place) + bytes + text.slice(place)
  },
  'a CR at the end of a line': (text, random) => {
    const lines = linesOf(text)
    const place = random.below(lines.length)
    lines[place] = lines[place]!.replace(/\n$/, '\r\n')
    return lines.join('')
  },
  'an end': (text, random) => text.slice(0, random.below(text.length + 1)),
  'no last line end': (text) => text.replace(/\n+$/, ''),
}

/** What is done to all line ends at last; `some` are those of every third line. */
export const endings: Readonly<Record<string, Change>> = {
  CRLF: (text) => text.replace(/(?<!\r)\n/g, '\r\n'),
  'CRLF for some': (text) => text.replace(/([^\n]*\n[^\n]*\n[^\n]*)(?<!\r)\n/g, '$1\r\n'),
  'CR CR LF for some': (text) => text.replace(/([^\n]*\n[^\n]*\n[^\n]*)\n/g, '$1\r\r\n'),
}
