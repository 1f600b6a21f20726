import {
  ATTACHED,
  BASE64,
  cut,
  type Evasion,
  base64 as encode,
  FILE_TYPE,
  inPart,
  ZIP_TYPE,
} from './compose.ts'
import { binaryFile, oneLineFile, oneMoreByte, onesFile, testFile, textFile, zip } from './files.ts'

const fields = [ZIP_TYPE, BASE64, ATTACHED]

function data(name: string, body: () => string, type = fields): Evasion {
  return { name, text: () => inPart(type, body()) }
}

/** The same for what letterparser, of npm, opens alone: it decodes as Node does. */
function openedByLetterparser(name: string, body: () => string): Evasion {
  return { ...data(`base64 ${name}`, body, [FILE_TYPE, BASE64]), openedBy: 'letterparser' }
}

/** RFC 4648 5. */
const urlSafe = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')

const whole = (file: Buffer) => file.toString('base64')

/** A file whose base64 begins with these letters, and has the other behind. */
function beginning(word: string, file = zip): Buffer {
  return Buffer.concat([
    Buffer.from(word.padEnd(Math.ceil(word.length / 4) * 4, 'A'), 'base64'),
    file,
  ])
}

const setHighBit = (text: string, every: number) =>
  text.replace(/[^\n=]/g, (character, at: number) =>
    at % every === 0 ? String.fromCharCode(character.charCodeAt(0) | 0x80) : character,
  )

/** Each this many bytes encoded by themselves, with padding of their own. */
function padded(file: Buffer, length: number, between: string): string {
  const pieces: string[] = []
  for (let at = 0; at < file.length; at += length) {
    pieces.push(file.subarray(at, at + length).toString('base64'))
  }
  return pieces.join(between)
}

/** Where a group's second byte allows it, `=` stands for the third of its four characters. */
function inGroups(file: Buffer): string {
  let text = ''
  for (let at = 0; at < file.length; ) {
    const isPair = at + 1 < file.length && file[at + 1]! % 16 === 0
    const length = isPair ? 2 : 3
    const group = file.toString('base64', at, at + length)
    text += isPair ? `${group.slice(0, 2)}=${'A'}` : group
    at += length
  }
  return text
}

/** Characters that are none of base64 for `/`, but as the last of a group. */
const slashless = (file: Buffer) =>
  encode(file, 76).replace(
    /(.)(.)(.)(.)/g,
    (group) => group.slice(0, 3).replaceAll('/', '*') + group[3],
  )

/** The content of a part that declares base64, of an archive. */
const ofZip: Readonly<Record<string, () => string>> = {
  'that begins with the letters Content': () => encode(beginning('Content')),
  'that begins with Content on a line of its own': () =>
    `Content\n${encode(beginning('Content')).slice(7)}`,
  'that begins with the letters filename=': () => `filename=\n${encode(zip)}`,
  'that begins with the letters base64': () => encode(beginning('base64')),
  'that begins with the word begin': () => encode(beginning('begin')),
  'whose second line begins with Content': () => {
    const text = whole(Buffer.concat([zip, Buffer.alloc((3 - (zip.length % 3)) % 3)]))
    return `${text}\n${encode(beginning('Content'))}`
  },
  'with the high bit set in some characters': () => setHighBit(encode(zip), 7),
  'with the high bit set in all characters': () => setHighBit(encode(zip), 1),
  'with other characters of the high bit among its own': () =>
    encode(zip).replace(/.{9}/g, '$&\xc1'),
  'with the letters of UTF-8 among its own': () => encode(zip).replace(/.{9}/g, '$&\xc3\xa9'),
  'with = between its characters': () => encode(zip).replace(/.{9}/g, '$&='),
  'with = at the end of each line': () => encode(zip).replace(/$/gm, '='),
  'that begins with =': () => `=${encode(zip)}`,
  'that begins with ==== on a line of its own': () => `====\n${encode(zip)}`,
  'with - between its characters': () => encode(zip).replace(/.{9}/g, '$&-'),
  'with . in each line': () => encode(zip, 30).replace(/.{9}/g, '$&.'),
  'with * between its characters': () => encode(zip).replace(/./g, '$&*'),
  'with blanks between its characters': () => encode(zip).replace(/./g, '$& '),
  'with NULs between its characters': () => encode(zip).replace(/./g, '$&\0'),
  'with bare CRs in it': () => encode(zip).replace(/.{8}/g, '$&\r'),
  'with VT and FF in it': () => encode(zip).replace(/.{8}/g, '$&\v\f'),
  'with an empty line behind each line': () => encode(zip, 20).replaceAll('\n', '\n\n'),
  'with > before each line': () => encode(zip).replace(/^/gm, '> '),
  'with a byte order mark before it': () => `\xef\xbb\xbf${encode(zip)}`,
  'behind a line of text': () => `: - !\n${encode(zip)}`,
  'behind many empty lines': () => `\n\n\n\n\n${encode(zip)}`,
  'behind a line of blanks': () => `   \t\n${encode(zip)}`,
  'in lines of one character': () => encode(zip, 1),
  'in lines of three characters': () => encode(zip, 3),
  'in lines of five characters': () => encode(zip, 5),
  'in one line of over 1,000 characters': () =>
    whole(Buffer.concat([Buffer.alloc(3000, 'MZ'), zip])),
  'without padding': () => encode(zip).replace(/=+$/, ''),
  'with more padding than it needs': () => `${encode(testFile)}====`,
  'with a character more than it needs': () => `${encode(zip).replace(/=+$/, '')}=A`,
  'with text behind it': () => `${encode(zip)}\n\n-- \nsent by a list; see there\n`,
  'in pieces, each with its padding, on lines': () => padded(testFile, 20, '\n'),
  'behind more than thirty pieces with padding': () =>
    `${'QUJDREVGR0hJSktMTU5PUA==\n'.repeat(40)}${encode(zip)}`,
  'behind 6,000 characters that are none of it': () =>
    `${'! '.repeat(6000)}\n${encode(zip).replace(/.{9}/g, '$&!')}`,
  'with its last character only on a line of its own': () =>
    `${encode(zip).slice(0, -5)}\n${encode(zip).slice(-5)}`,
  'with the line of an armour around it': () =>
    `-----BEGIN FILE-----\n${encode(zip)}\n-----END FILE-----`,
  'with = inside of groups, of which Thunderbird makes two bytes': () => inGroups(testFile),
  'that is declared, in quoted-printable': () => cut(whole(zip), 40).replaceAll('\n', '=\n'),
}

/** The same of a file that a digest knows. */
const ofFile: Readonly<Record<string, () => string>> = {
  'in lines of 75 characters': () => encode(binaryFile, 75),
  'in lines of 77 characters': () => encode(binaryFile, 77),
  'in one line': () => whole(binaryFile),
  'in more than thirty pieces, each with its padding': () => padded(textFile, 10, '\n'),
  'in more than thirty pieces on one line, each with its padding': () => padded(textFile, 10, ''),
  'with * for /, which VMime takes for it': () => slashless(binaryFile),
  'with two characters of a group behind its end, which many drop': () => `${encode(binaryFile)}AA`,
  'with three characters of a group behind its end': () => `${encode(binaryFile)}\nABC`,
  'with = behind the first character, and text behind the padding, which Python and Ruby leave out':
    () => `${whole(oneMoreByte).replace(/^./, '$&=')}\ntext`,
  'that ends where PHP adds a byte': () => `${whole(onesFile.subarray(0, -1))}-more`,
  'that ends at a NUL, where PHP adds a byte': () => `${whole(onesFile.subarray(0, -1))}\0more`,
  'that ends at a blank for Go': () => `${whole(binaryFile)} ${whole(textFile)}`,
  'that ends at a blank in front of a line for Go': () => `${encode(binaryFile)}\n\tmore`,
  'that is none, and that Python leaves undecoded': () => oneLineFile.toString('latin1'),
  'whose last byte is one character, which libEtPan takes for it': () =>
    whole(oneMoreByte).slice(0, -3),
}

export const base64: readonly Evasion[] = [
  ...Object.entries(ofZip).map(([name, body]) => data(`base64 ${name}`, body)),
  ...Object.entries(ofFile).map(([name, body]) =>
    data(`base64 ${name}`, body, [FILE_TYPE, BASE64]),
  ),
  openedByLetterparser('with - and _ for + and /', () => urlSafe(encode(binaryFile))),
  openedByLetterparser('with - and _ for + and / in its second half', () => {
    const text = encode(binaryFile)
    const half = text.length >> 1
    return text.slice(0, half) + urlSafe(text.slice(half))
  }),
]
