/** What is done to a message: by a name, and a text in LF from a text in LF and two numbers. */
export type Change = (text: string, a: number, b: number) => string

const at = <T>(list: readonly T[], index: number): T => list[index % list.length]!

/** Header and the rest, at the first empty line; of a text without one all is header. */
function cut(text: string): readonly [header: string[], rest: string] {
  const end = text.startsWith('\n') ? 0 : text.indexOf('\n\n') + 1
  const [header, rest] =
    end === 0 && !text.startsWith('\n') ? [text, ''] : [text.slice(0, end), text.slice(end)]
  return [header.split(/(?<=\n)/), rest]
}

function inHeader(line: string): (text: string, place: number) => string {
  return (text, place) => {
    const [lines, rest] = cut(text)
    lines.splice(place % (lines.length + 1), 0, `${line}\n`)
    return lines.join('') + rest
  }
}

function inBody(text: string, a: number, line: string): string {
  const [lines, rest] = cut(text)
  const body = rest.split(/(?<=\n)/)
  // More often than not in the last lines, where an attachment is.
  const place = a % 3 === 0 ? a % (body.length + 1) : body.length - 1 - (a % 6)
  body.splice(Math.max(1, place), 0, `${line}\n`)
  return lines.join('') + body.join('')
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
  'first field of another kind of file': (text, a) => `${at(magics, a)}: x\n${text}`,
  'a field first that is not From': (text, a) => {
    const [lines, rest] = cut(text)
    const [line] = lines.splice(a % lines.length, 1)
    return [line, ...lines].join('') + rest
  },
  'X-QHPSI in the header': (text, a, b) => inHeader(at(ours, b))(text, a),
  'X-QHPSI on top': (text, _, b) => `${at(ours, b)}\n${text}`,
  'X-QHPSI in the body': (text, a) => inBody(text, a, 'X-QHPSI: AAAA'),
  'X-QHPSI in the body, odd': (text, a, b) => inBody(text, a, at(ours, b)),
  'an odd line in the header': (text, a, b) => inHeader(at(odd, b))(text, a),
  'an odd line instead of the empty one': (text, _, b) => {
    const [lines, rest] = cut(text)
    return `${lines.join('')}${at(odd, b)}${rest}`
  },
  'an odd line and X-QHPSI behind it': (text, a, b) => {
    const [lines, rest] = cut(text)
    const place = a % (lines.length + 1)
    lines.splice(place, 0, `${at(odd, b)}\n`)
    lines.splice(place + 1 + (b % (lines.length - place)), 0, 'X-QHPSI: clean\n')
    return lines.join('') + rest
  },
  'an odd first line': (text, _, b) => `${at(odd, b)}\n${text}`,
  'a bare CR in a field': (text, a, b) => inHeader(at(bare, b))(text, a),
  'a line like a stamp': (text, a, b) => inHeader(at(stampLike, b))(text, a),
  'a field that hosts add': (text, a, b) => inHeader(at(unbound, b))(text, a),
  'a field that no host adds': (text, a, b) => inHeader(at(bound, b))(text, a),
  'many X-QHPSI': (text, a) => 'X-QHPSI: clean\n'.repeat(8 + (a % 20)) + text,
  'a line twice': (text, a, b) => {
    const [lines, rest] = cut(text)
    lines.splice(b % (lines.length + 1), 0, at(lines, a))
    return lines.join('') + rest
  },
  'a line less': (text, a) => {
    const lines = text.split(/(?<=\n)/)
    lines.splice(a % lines.length, 1)
    return lines.join('')
  },
  'a line elsewhere': (text, a, b) => {
    const lines = text.split(/(?<=\n)/)
    const [line = ''] = lines.splice(a % lines.length, 1)
    lines.splice(b % (lines.length + 1), 0, line)
    return lines.join('')
  },
  'a blank twice': (text, a) => {
    const blanks = [...text.matchAll(/ /g)]
    if (blanks.length === 0) return text
    const { index } = at(blanks, a)
    return `${text.slice(0, index)} ${text.slice(index)}`
  },
  'a boundary with a blank more': (text) => text.replace(/(boundary="b) +(b")/, '$1  $2'),
  'another case': (text, a) => {
    const [lines, rest] = cut(text)
    const place = a % lines.length
    lines[place] = lines[place]!.replace(/^[^:]*/, (name) => name.toUpperCase())
    return lines.join('') + rest
  },
  'another byte': (text, a, b) => {
    const place = a % (text.length + 1)
    return text.slice(0, place) + String.fromCharCode(b % 256) + text.slice(place + 1)
  },
  'a byte more': (text, a, b) => {
    const place = a % (text.length + 1)
    return (
      text.slice(0, place) + at(['\0', '\r', '\n', ' ', '\n\n', '\r\n', ':'], b) + text.slice(place)
    )
  },
  'a CR at the end of a line': (text, a) => {
    const lines = text.split(/(?<=\n)/)
    const place = a % lines.length
    lines[place] = lines[place]!.replace(/\n$/, '\r\n')
    return lines.join('')
  },
  'an end': (text, a) => text.slice(0, a % (text.length + 1)),
  'no last line end': (text) => text.replace(/\n+$/, ''),
}

/** What is done to all line ends at last; `some` are those of every third line. */
export const endings: Readonly<Record<string, (text: string) => string>> = {
  LF: (text) => text,
  CRLF: (text) => text.replace(/(?<!\r)\n/g, '\r\n'),
  'CRLF for some': (text) => text.replace(/([^\n]*\n[^\n]*\n[^\n]*)(?<!\r)\n/g, '$1\r\n'),
  'CR CR LF for some': (text) => text.replace(/([^\n]*\n[^\n]*\n[^\n]*)\n/g, '$1\r\r\n'),
}
