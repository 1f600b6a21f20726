import {
  alone,
  type Evasion,
  uuencode as encode,
  FILE_TYPE,
  inPart,
  mail,
  named,
  QUOTED,
  UUENCODE,
  uulines,
  ZIP_TYPE,
} from './compose.ts'
import { testFile, zip } from './files.ts'

const BEGIN = 'begin 644 report.zip'

/** These lines in a part that declares uuencode. */
function declared(name: string, lines: () => readonly string[]): Evasion {
  return {
    name: `uuencode ${name}, in a part that declares it`,
    text: () => inPart([ZIP_TYPE, UUENCODE], lines().join('\n')),
  }
}

/** These lines in a message of text. */
function inText(name: string, lines: () => readonly string[]): Evasion {
  return {
    name: `uuencode ${name}, in a text`,
    text: () => alone(['Content-Type: text/plain'], lines().join('\n')),
  }
}

const file = uulines(zip)
const isData = (line: string) => line.length > 3
const changed =
  (change: (line: string) => string, from = zip) =>
  () => [BEGIN, ...uulines(from).map((line) => (isData(line) ? change(line) : line))]

const count = (line: string, more: number) =>
  String.fromCharCode(line.charCodeAt(0) + more) + line.slice(1)

/** Lines of 22 characters, so that each other one begins within a group; each shows how many bytes are whole in it. */
function cutGroups(bytes: Buffer): string[] {
  const characters = uulines(bytes)
    .slice(0, -2)
    .map((line) => line.slice(1))
    .join('')
  const lines: string[] = []
  for (let at = 0, done = 0; at < characters.length; at += 22) {
    const piece = characters.slice(at, at + 22)
    const whole = Math.min(bytes.length, Math.floor(((at + piece.length) * 3) / 4))
    lines.push(String.fromCharCode(32 + whole - done) + piece)
    done = whole
  }
  return lines
}

/** Forms of the line that begins it. */
const begins: Readonly<Record<string, string>> = {
  'is in large letters': 'BEGIN 644 report.zip',
  'has a mode of one digit': 'begin 6 report.zip',
  'has a mode of eight digits': 'begin 00100644 report.zip',
  'has a mode of letters': 'begin abc report.zip',
  'has no name': 'begin 644',
  'has no name but a blank': 'begin 644 ',
  'has tabs': 'begin\t644\treport.zip',
  'has two blanks': 'begin  644  report.zip',
  'has a name of 1,200 characters': `begin 644 ${'x'.repeat(1200)}.zip`,
  'has a name of 100,000 characters': `begin 644 ${'x'.repeat(100_000)}.zip`,
}

/** Lines that are behind the first one. */
const amid: Readonly<Record<string, string>> = {
  'with a back-tick in the middle': '`',
  'with a line of text in it': 'and then: (x)',
  'with lines of small letters that have the form of data': `M${'so is it '.repeat(7).slice(0, 60).replaceAll(' ', '-')}`,
  'with a line that is longer than its declared length': `J${'ABCDEF'.repeat(10)}`,
  'with a line that is shorter than its declared length': 'MABCDEF',
  'with end in the middle': 'end',
}

/** Lines of uuencode in a part that declares it, and in a text. */
const anywhere: Readonly<Record<string, () => readonly string[]>> = {
  ...Object.fromEntries(
    Object.entries(begins).map(([how, begin]) => [`whose begin ${how}`, () => [begin, ...file]]),
  ),
  ...Object.fromEntries(
    Object.entries(amid).map(([name, line]) => [
      name,
      () => [BEGIN, file[0]!, line, ...file.slice(1)],
    ]),
  ),
  'with lengths that are too long by one': changed((line) => count(line, 1)),
  'whose lines have a character more': changed((line) => `${line}!`),
  'whose lines have a checksum of two characters': changed((line) => `${line}ab`),
  'whose lines have ten characters more': changed((line) => `${line}abcdefghij`),
  'in records of 127 characters on one line': () => [
    BEGIN,
    uulines(testFile)
      .slice(0, -2)
      .map((line, at) => (at === 0 ? line.padEnd(127, 'x') : line))
      .join(''),
    '`',
    'end',
  ],
  'with a back-tick behind begin': () => [BEGIN, '`', ...file],
  'with blanks for zeros': () => [BEGIN, ...uulines(zip, ' ')],
  'without end': () => [BEGIN, ...file.slice(0, -1)],
  'without its last two lines': () => [BEGIN, ...file.slice(0, -2)],
  'with an empty line behind each line': changed((line) => `${line}\n`),
  'with a line that is too short, and small letters behind the last one': () => [
    BEGIN,
    'M123',
    ...file.slice(0, -3),
    `${file.at(-3)}ab`,
    ...file.slice(-2),
  ],
  'with a word and a NUL, and a control character for the length of its last line': () => [
    BEGIN,
    ...file.slice(0, -3),
    'X: \0',
    `\f${file.at(-3)!.slice(1)}`,
    ...file.slice(-2),
  ],
  'with end in large letters': () => [BEGIN, ...file.slice(0, -1), 'END'],
  'with lines of three bytes': () => {
    const lines: string[] = []
    for (let at = 0; at < zip.length; at += 3) lines.push(uulines(zip.subarray(at, at + 3))[0]!)
    return [BEGIN, ...lines, '`', 'end']
  },
  'with lines of one byte': () => {
    const lines: string[] = []
    for (const byte of zip) lines.push(uulines(Buffer.from([byte]))[0]!)
    return [BEGIN, ...lines, '`', 'end']
  },
  'behind another that is not ended': () => ['begin 644 a', 'M', BEGIN, ...file],
  'with its characters and a bit more': changed(
    (line) =>
      line[0] + line.slice(1).replace(/[!-_]/g, (c) => String.fromCharCode(c.charCodeAt(0) | 0x80)),
  ),
}

/** Lines of uuencode in a part that declares it. */
const announced: Readonly<Record<string, () => readonly string[]>> = {
  'in one line': () => [BEGIN, uulines(testFile).slice(0, -2).join(''), '`', 'end'],
  'whose groups go on in the next line': () => [BEGIN, ...cutGroups(zip), '`', 'end'],
  'without begin': () => file,
}

export const uuencode: readonly Evasion[] = [
  ...Object.entries({ ...anywhere, ...announced }).map(([name, lines]) => declared(name, lines)),
  ...Object.entries(anywhere).map(([name, lines]) => inText(name, lines)),
  inText('behind a text of 2,000 lines', () => [...Array(2000).fill('text'), BEGIN, ...file]),
  ...named({
    'uuencode in HTML': () => inPart(['Content-Type: text/html'], `<pre>\n${encode(zip)}\n</pre>`),
    'uuencode in a text in quoted-printable': () =>
      inPart(
        ['Content-Type: text/plain', QUOTED],
        encode(zip)
          .replaceAll('=', '=3D')
          .replace(/^.{20}/gm, '$&=\n'),
      ),
    'uuencode in a mail without any MIME field': () =>
      mail(`\n${encode(zip)}\n`).replace('MIME-Version: 1.0\n', ''),
    'uuencode in a part that declares 7bit': () =>
      inPart([FILE_TYPE, 'Content-Transfer-Encoding: 7bit'], `${encode(zip)}\n`),
    'uuencode in an attached message': () =>
      inPart(['Content-Type: message/rfc822'], `Subject: x\n\nsee\n\n${encode(zip)}`),
  }),
  ...['uuencode', 'x-uue', 'uue', 'X-UU', 'X-UUENCODE', 'x-uuencoded', '"x-uuencode"'].map(
    (word) => ({
      name: `uuencode that declares ${word}`,
      text: () => inPart([ZIP_TYPE, `Content-Transfer-Encoding: ${word}`], encode(zip)),
    }),
  ),
]
