import { execFileSync } from 'node:child_process'
import iconv from 'iconv-lite'
import {
  alone,
  BASE64,
  base64,
  type Evasion,
  inPart,
  latin1,
  mail,
  mixed,
  named,
  part,
  QUOTED,
  quotedPrintable,
  uuencode,
} from './compose.ts'
import { testFile, textFile, umlautFile, zip } from './files.ts'

const MUTT = 'mutt, which saves text in UTF-8'
const GNUS = 'Gnus, which decodes what it finds in the text'

/** A text in a character set, as an attachment with a name. */
function attached(
  charset: string,
  text: string,
  what: string,
  openedBy: string,
  type = 'plain',
): readonly Evasion[] {
  const name = type === 'html' ? 'a.html' : 'a.txt'
  const fields = [`Content-Type: text/${type}; charset=${charset}; name=${name}`]
  const bytes = () => iconv.encode(text, charset)
  return [
    {
      name: `${what} in ${charset} in base64`,
      text: () => inPart([...fields, BASE64], base64(bytes())),
      openedBy,
    },
    {
      name: `${what} in ${charset} in quoted-printable`,
      text: () => inPart([...fields, QUOTED], quotedPrintable(bytes())),
      openedBy,
    },
  ]
}

const eicar = latin1(testFile)
const known = latin1(textFile)
const umlauts = umlautFile.toString('utf8')

/** Escapes of ISO-2022-JP around nothing, between all letters. */
const inJapanese = (text: string) => text.replace(/.{8}/gs, '$&\x1b$B\x1b(B')

/** The announcement of ISO-2022-KR, and shifts to nothing. */
const inKorean = () => Buffer.from(`\x1b$)C${eicar.replace(/.{8}/gs, '$&\x0e\x0f')}`)

const utf16 = (text: string) => iconv.encode(text, 'utf-16le')

/** Forms of the parameter that names the character set. */
const parameters: Readonly<Record<string, string>> = {
  'in a section': 'charset*0=utf-16le',
  'in two sections': 'charset*0=utf; charset*1="-16le"',
  'with a language': "charset*=us-ascii''utf-16le",
  'with an empty language': "charset*=''utf-16le",
  escaped: "charset*=''%75%74%66-16le",
  'folded before its name': 'charset=\n utf-16le',
  'folded before the sign': 'charset\n =utf-16le',
  'folded before its quote': 'charset=\n "utf-16le"',
  'behind a blank in quotes': 'charset=" utf-16le"',
  'in single quotes': "charset='utf-16le'",
  'in angle brackets': 'charset=<utf-16le>',
  'behind two signs': 'charset==utf-16le',
  'an encoded word': 'charset="=?us-ascii?Q?utf-16le?="',
  'an encoded word in base64': 'charset==?us-ascii?B?dXRmLTE2bGU=?=',
  'behind a backslash': 'charset="\\utf-16le"',
  'the last of six': `${'abcde'.replace(/./g, 'charset=koi-$&; ')}charset=utf-16le`,
}

/** The test file as iconv(1) writes it. */
const byIconv = (charset: string) => () =>
  execFileSync('iconv', ['-f', 'US-ASCII', '-t', charset], { input: eicar })

export const charsets: readonly Evasion[] = [
  ...['IBM037', 'EBCDIC-CP-US', 'UCS-2BE', 'UCS-4', 'UTF-32BE', 'UTF-32LE', 'ISO-2022-KR'].flatMap(
    (charset) =>
      [`charset=${charset}; name=a.txt`, `charset="${charset}"`].map((parameters, at) => ({
        name: `the test file in ${charset}${at === 0 ? ' as an attachment' : ''}`,
        text: () =>
          inPart(
            [`Content-Type: text/plain; ${parameters}`, BASE64],
            base64(charset === 'ISO-2022-KR' ? inKorean() : byIconv(charset)()),
          ),
        openedBy: MUTT,
      })),
  ),
  {
    name: 'the test file in iso-2022-jp, in the letters of JIS X 0201',
    text: () =>
      inPart(['Content-Type: text/plain; charset=iso-2022-jp; name=a.txt'], `\x1b(J${eicar}`),
    openedBy: MUTT,
  },
  ...['utf-16', 'utf-16le', 'utf-16be', 'utf-7'].flatMap((charset) => [
    ...attached(charset, known, 'a text that a digest knows', MUTT),
    ...attached(charset, eicar, 'the test file', MUTT),
    ...attached(charset, eicar, 'the test file as HTML', MUTT, 'html'),
    ...attached(charset, `see\n\n${uuencode(zip)}\n`, 'uuencode', GNUS),
  ]),
  ...Object.entries(parameters).flatMap(([name, parameter]) =>
    Object.entries({
      'the text of the mail': (content: string) => mail(content),
      'a second text': (content: string) => mixed(content),
    }).map(([place, of]) => ({
      name: `the test file in utf-16le as ${place}, whose charset is ${name}`,
      text: () =>
        of(part([`Content-Type: text/plain; ${parameter}`, BASE64], base64(utf16(eicar)))),
    })),
  ),
  ...['iso-8859-1', 'windows-1252', 'iso-8859-15'].flatMap((charset) =>
    attached(charset, umlauts, 'a text that a digest knows in UTF-8', MUTT),
  ),
  ...named(
    {
      'a text that a digest knows in UTF-8, in 8 bits of iso-8859-1': () =>
        inPart(
          [
            'Content-Type: text/plain; charset=iso-8859-1; name=a.txt',
            'Content-Transfer-Encoding: 8bit',
          ],
          iconv.encode(umlauts, 'latin1').toString('latin1'),
        ),
      'the test file in iso-2022-jp, with escapes in it': () =>
        inPart(['Content-Type: text/plain; charset=iso-2022-jp; name=a.txt'], inJapanese(eicar)),
    },
    MUTT,
  ),
  ...named(
    {
      'uuencode in a text of the mail itself in utf-16': () =>
        alone(
          ['Content-Type: text/plain; charset=utf-16', BASE64],
          base64(iconv.encode(uuencode(zip), 'utf-16')),
        ),
    },
    GNUS,
  ),
  ...['', '; delsp=yes', '; delsp=no'].flatMap((delsp) => [
    {
      name: `a text that a digest knows, stuffed with blanks, format=flowed${delsp}`,
      text: () =>
        inPart(
          [`Content-Type: text/plain; format=flowed${delsp}; name=a.txt`],
          known.replace(/^(?=.)/gm, ' '),
        ),
      openedBy: 'mutt, which takes the blanks out',
    },
    {
      name: `the same in base64${delsp}`,
      text: () =>
        inPart(
          [`Content-Type: text/plain; format=flowed${delsp}; name=a.txt`, BASE64],
          base64(Buffer.from(known.replace(/^(?=.)/gm, ' '))),
        ),
      openedBy: 'mutt, which takes the blanks out',
    },
  ]),
]
