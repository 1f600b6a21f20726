import {
  ATTACHED,
  BINHEX_BANNER,
  binhex,
  type Evasion,
  mail,
  mixed,
  multipart,
  part,
  TEXT,
  uuencode,
  xxencode,
  yencode,
  ZIP_TYPE,
} from './compose.ts'
import { binaryFile, testFile, yencAlikeFile, zip } from './files.ts'

const inText = (name: string, text: () => string, openedBy?: string): Evasion => ({
  name: `${name}, in a text`,
  text: () => mail(part(['Content-Type: text/plain'], text())),
  ...(openedBy && { openedBy }),
})

const inPart = (name: string, text: () => string, openedBy?: string): Evasion => ({
  name: `${name}, in an attached text`,
  text: () => mixed(part(['Content-Type: text/plain; name=a.txt', ATTACHED], text())),
  ...(openedBy && { openedBy }),
})

const both = (name: string, text: () => string, openedBy?: string) => [
  inText(name, text, openedBy),
  inPart(name, text, openedBy),
]

/** The data of BinHex without its banner. */
const bare = (file: Buffer) => binhex(file).slice(BINHEX_BANNER.length + 2)
const THUNDERBIRD = 'Thunderbird'
const IS_SPACE = 'programs that go by isspace(3)'

export const coded: readonly Evasion[] = [
  ...both('XXencode', () => xxencode(zip)),
  ...both('XXencode of a file that a digest knows', () => xxencode(binaryFile)),
  ...both('XXencode behind a text', () => `some words\n\n${xxencode(zip)}`),
  ...both('XXencode with an empty line behind its begin', () =>
    xxencode(zip).replace('\n', '\n\n'),
  ),
  ...['x-xxencode', 'xxencode', 'x-xx'].map((word) => ({
    name: `XXencode that says ${word}`,
    text: () => mixed(part([ZIP_TYPE, `Content-Transfer-Encoding: ${word}`], xxencode(zip))),
  })),
  ...both('BinHex', () => binhex(zip)),
  ...both('BinHex of a file that a digest knows', () => binhex(binaryFile)),
  ...both('BinHex behind a text', () => `some words\n\n${binhex(zip)}`),
  ...both('BinHex behind half a banner', () => `(This file must be\n\n${bare(zip)}`),
  ...both('BinHex whose banner is in capitals', () =>
    binhex(zip).replace(BINHEX_BANNER, BINHEX_BANNER.toUpperCase()),
  ),
  ...both('BinHex without a banner', () => bare(zip)),
  ...both('BinHex without a banner behind a text', () => `some words\n\n${bare(zip)}`),
  ...both('BinHex in one line', () => bare(testFile).replaceAll('\n', '')),
  {
    name: 'BinHex in a part that says so',
    text: () => mixed(`Content-Type: application/mac-binhex40; name=a.hqx\n\n${binhex(zip)}`),
  },
  {
    name: 'BinHex without a banner in a part that says so',
    text: () => mixed(`Content-Type: application/mac-binhex40; name=a.hqx\n\n${bare(zip)}`),
  },
  {
    name: 'two texts, uuencode behind BinHex',
    text: () =>
      mail(
        multipart('mixed', [
          TEXT,
          part(['Content-Type: text/plain'], `${binhex(testFile)}\n\n${uuencode(zip)}`),
        ]),
      ),
  },
  ...both('yEnc', () => yencode(zip)),
  ...both('yEnc of a file that a digest knows', () => yencode(binaryFile)),
  ...both(
    'yEnc with CRs in it',
    () => yencode(binaryFile).replace(/^(?!=)(.{40})(.{40})/m, '$1\r$2\r'),
    THUNDERBIRD,
  ),
  ...both(
    'yEnc with NULs in it',
    () => yencode(binaryFile).replace(/^(?!=)(.{40})(.{40})/m, '$1\0$2\0'),
    THUNDERBIRD,
  ),
  ...both(
    'yEnc with its end in capitals among its data',
    () => yencode(yencAlikeFile).replace('\x19END', '=YEND\n'),
    'uudeview',
  ),
  inText('yEnc in two parts', () => {
    const half = binaryFile.length / 2
    const yencPart = (number: number, from: number) => {
      const [begin, ...lines] = yencode(binaryFile.subarray(from, from + half)).split('\n')
      const size = `size=${binaryFile.length}`
      return [
        begin!.replace(/size=\d+/, size).replace('=ybegin', `=ybegin part=${number} total=2`),
        `=ypart begin=${from + 1} end=${from + half}`,
        ...lines,
      ].join('\n')
    }
    return `${yencPart(1, 0)}\n\n${yencPart(2, half)}`
  }),
  inText(
    'uuencode whose begin has a vertical tab',
    () => uuencode(zip, 'begin\v644\vreport.zip'),
    IS_SPACE,
  ),
  inText('uuencode whose begin is in mixed letters', () => uuencode(zip, 'bEgIn 644 report.zip')),
  inText(
    'uuencode whose begin stands behind a vertical tab',
    () => `x\v${uuencode(zip)}`,
    IS_SPACE,
  ),
]
