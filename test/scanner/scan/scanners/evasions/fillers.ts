import { hiddenClasses } from '../second-look/classes.ts'
import { evasions } from './all.ts'
import { mail, multipart, part } from './compose.ts'

/** Puts a text somewhere in front of what is in a message; `content` begins with the MIME fields of the mail. */
type Place = (text: string, content: string) => string

/** What an attacker puts in front of a hidden file, so that nothing is left for the file. */
export interface Filler {
  readonly name: string
  readonly text: string
  readonly place: Place
}

/** The most bytes of a filler. */
const SIZE = 4096

/** As many pieces as have room. */
function filled(piece: (n: number) => string): string {
  let text = ''
  for (let n = 0; ; n++) {
    const next = piece(n)
    if (text.length + next.length > SIZE) return text
    text += next
  }
}

const PLAIN = 'Content-Type: text/plain'
const FILE = 'Content-Type: application/octet-stream; name=a'
const encoding = (word: string) => `Content-Transfer-Encoding: ${word}`

/** In a part of its own, the first one. */
const inPart =
  (...fields: readonly string[]): Place =>
  (text, content) =>
    mail(multipart('mixed', [part(fields, text), content], { boundary: 'filler' }))

/** In front of the first delimiter; or as parts, which begin with such a delimiter. */
const inPreamble: Place = (preamble, content) =>
  mail(multipart('mixed', [part([PLAIN], 'x'), content], { boundary: 'filler', preamble }))

const BEGINS_DATA = /^(?:begin|=ybegin|-----BEGIN)/im

/** In front of the first line that looks as if it began data, if there is one, and in the same text. */
const inSameText: Place = (text, content) => {
  const at = content.search(BEGINS_DATA)
  return at < 0 ? inPreamble(text, content) : mail(content.slice(0, at) + text + content.slice(at))
}

const letters = (n: number) =>
  String.fromCharCode(65 + (n % 26), 65 + (Math.floor(n / 26) % 26), 65 + Math.floor(n / 676))

/** Lines, as they stand in a text. */
const lines: Readonly<Record<string, (n: number) => string>> = {
  'lines of begin': (n) => `begin 6\n#${letters(n)}\n`,
  'lines of begin that contain a name': (n) => `begin 644 a${n}\n#${letters(n)}C\n\`\nend\n`,
  'lines of begin, each followed by words': (n) => `begin 644 a${n}\nsome words ${letters(n)}\n`,
  'lines of begin without a mode': (n) => `begin x\n&${letters(n)}DEFGH\n`,
  'lines with begin in their middle': (n) => `09:12 put begin 644 a${n}\n`,
  'lines of yEnc': (n) => `=ybegin line=128 size=3 name=${n}\n${letters(n)}\r\0\n`,
  'lines of armour': (n) => `-----BEGIN ${n}-----\nQUJD${letters(n)}\n`,
  'lines of armour behind blanks': (n) => ` -----BEGIN ${n}-----\nQUJD${letters(n)}\n`,
  'banners of BinHex': (n) =>
    `(This file must be converted with BinHex 4.0)\n:${letters(n)}BCDEFG:\n`,
  'fields that begin data': (n) =>
    `Content-Transfer-Encoding: base64\n\nQUJ${letters(n)}DREVGRw==\n`,
  'fields that begin odd quoted-printable': (n) =>
    `Content-Transfer-Encoding: quoted-printable\n\n=4 =${letters(n)}==3D=  \n`,
  'fields in a text': (n) => `Content-Type: text/plain; n=${n}\n\n${letters(n)}\n`,
}

const oddBase64 = (n: number) => `QUJDREVG${letters(n)}!QUJ=-\xd7\nR0hJS${letters(n)}A=BQUJDREVGR\n`

/** The bodies of parts, below fields that declare how they are encoded. */
const bodies: Readonly<Record<string, readonly [word: string, piece: (n: number) => string]>> = {
  'odd base64': ['base64', oddBase64],
  'pieces of padded base64': ['base64', (n) => `QUJDREVGR0hJSktM${letters(n)}Q==\n`],
  'odd quoted-printable': ['quoted-printable', (n) => `=4 =${letters(n)}==3D=  \r${letters(n)} \n`],
  'uuencode without an end': ['x-uuencode', (n) => `begin 644 a\nM${letters(n)}abc\n`],
  'what three encodings may be': [
    'base64 (x) quoted-printable uuencode',
    (n) => `QUJ${letters(n)}!R=41\n`,
  ],
}

/** Parts, one after the other. */
const parts: Readonly<Record<string, (n: number) => string>> = {
  'lines that only some take for delimiters': (n) => `--filler y\n\n${letters(n)}\n`,
  'attached mails of odd base64': (n) => {
    const inner = `A: b\n${encoding('base64')}\n\n${oddBase64(n)}`
    const encoded = Buffer.from(inner, 'latin1').toString('base64')
    return `--filler\nContent-Type: message/rfc822\n${encoding('base64')}\n\n${encoded}\n`
  },
  'multiparts with a boundary each': (n) =>
    `--filler\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n} \n\nx\n--c${n}--\n`,
  'data that delimiters stand in': (n) => `--filler\n\nbegin 644 a${n}\n#86)${letters(n)[0]}\n`,
}

/** The text in quoted-printable. */
const quoted = (text: string) =>
  text.replaceAll('=', '=3D').replaceAll('\r', '=0D').replaceAll('\0', '=00')

export const fillers: readonly Filler[] = [
  ...Object.entries(lines).flatMap(([name, line]): Filler[] => {
    const text = filled(line)
    const inQuoted = inPart(PLAIN, encoding('quoted-printable'))
    return [
      { name: `${name} in a text`, text, place: inPart(PLAIN) },
      { name: `${name} in a preamble`, text, place: inPreamble },
      { name: `${name} in the same text`, text, place: inSameText },
      { name: `${name} in quoted-printable`, text: quoted(text), place: inQuoted },
    ]
  }),
  ...Object.entries(bodies).flatMap(([name, [word, piece]]): Filler[] => {
    const fields = `${FILE}\n${encoding(word)}`
    const text = filled((n) => `--filler\n${fields}\n\n${piece(n)}`)
    return [
      { name: `${name} in a part`, text: filled(piece), place: inPart(FILE, encoding(word)) },
      { name: `${name} in many parts`, text, place: inPreamble },
    ]
  }),
  ...Object.entries(parts).map(([name, one]) => ({ name, text: filled(one), place: inPreamble })),
]

/** The MIME fields and the body of a message: all behind its other fields. */
function contentOf(text: string): string | undefined {
  const top = mail('')
  return text.startsWith(top) ? text.slice(top.length) : undefined
}

/** What hides a file, to be put behind fillers. */
export const hidden: readonly { readonly name: string; readonly content: string }[] = [
  ...Object.values(evasions)
    .flat()
    .map(({ name, text }) => ({ name, content: contentOf(text()) })),
  ...hiddenClasses.map(({ name, message }) => ({
    name,
    content: contentOf(message.toString('latin1')),
  })),
].filter((mail): mail is { name: string; content: string } => mail.content !== undefined)
