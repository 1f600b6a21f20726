import iconv from 'iconv-lite'
import {
  BASE64,
  base64,
  type Evasion,
  mail,
  mixed,
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
      text: () => mixed(part([...fields, BASE64], base64(bytes()))),
      openedBy,
    },
    {
      name: `${what} in ${charset} in quoted-printable`,
      text: () => mixed(part([...fields, QUOTED], quotedPrintable(bytes()))),
      openedBy,
    },
  ]
}

const eicar = testFile.toString('latin1')
const known = textFile.toString('latin1')
const umlauts = umlautFile.toString('utf8')

/** Escapes of ISO-2022-JP around nothing, between all letters. */
const inJapanese = (text: string) => text.replace(/.{8}/gs, '$&\x1b$B\x1b(B')

export const charsets: readonly Evasion[] = [
  ...['utf-16', 'utf-16le', 'utf-16be', 'utf-7'].flatMap((charset) => [
    ...attached(charset, known, 'a text that a digest knows', MUTT),
    ...attached(charset, eicar, 'the test file', MUTT),
    ...attached(charset, eicar, 'the test file as HTML', MUTT, 'html'),
    ...attached(charset, `see\n\n${uuencode(zip)}\n`, 'uuencode', GNUS),
  ]),
  ...['iso-8859-1', 'windows-1252', 'iso-8859-15'].flatMap((charset) =>
    attached(charset, umlauts, 'a text that a digest knows in UTF-8', MUTT),
  ),
  {
    name: 'a text that a digest knows in UTF-8, in 8 bits of iso-8859-1',
    text: () =>
      mixed(
        part(
          [
            'Content-Type: text/plain; charset=iso-8859-1; name=a.txt',
            'Content-Transfer-Encoding: 8bit',
          ],
          iconv.encode(umlauts, 'latin1').toString('latin1'),
        ),
      ),
    openedBy: MUTT,
  },
  {
    name: 'the test file in iso-2022-jp, with escapes in it',
    text: () =>
      mixed(part(['Content-Type: text/plain; charset=iso-2022-jp; name=a.txt'], inJapanese(eicar))),
    openedBy: MUTT,
  },
  {
    name: 'uuencode in a text of the mail itself in utf-16',
    text: () =>
      mail(
        part(
          ['Content-Type: text/plain; charset=utf-16', BASE64],
          base64(iconv.encode(uuencode(zip), 'utf-16')),
        ),
      ),
    openedBy: GNUS,
  },
  ...['', '; delsp=yes', '; delsp=no'].flatMap((delsp) => [
    {
      name: `a text that a digest knows, stuffed with blanks, format=flowed${delsp}`,
      text: () =>
        mixed(
          part(
            [`Content-Type: text/plain; format=flowed${delsp}; name=a.txt`],
            known.replace(/^(?=.)/gm, ' '),
          ),
        ),
      openedBy: 'mutt, which takes the blanks out',
    },
    {
      name: `the same in base64${delsp}`,
      text: () =>
        mixed(
          part(
            [`Content-Type: text/plain; format=flowed${delsp}; name=a.txt`, BASE64],
            base64(Buffer.from(known.replace(/^(?=.)/gm, ' '))),
          ),
        ),
      openedBy: 'mutt, which takes the blanks out',
    },
  ]),
]
