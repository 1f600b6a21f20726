import t from 'tap'
import { base64 } from '../../../../src/mail/mime/decoders/base64.ts'
import type { Decoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import { quotedPrintable } from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { uuencode } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { yenc } from '../../../../src/mail/mime/decoders/yenc.ts'
import { ways } from './decode.ts'

/** The bytes that are decoded in one go. */
const PIECE = 16 * 1024

/** Texts with all that programs read differently, and what may precede them, encoded and decoded. */
const oddTexts: readonly (readonly [string, Decoder, string, string, string])[] = [
  ['base64', base64, 'Y W\xd7JjYW-Jj\nYWJ\njYW!JjYWJj=YWJjYWJjY', 'YWJj', 'abc'],
  [
    'quoted-printable',
    quotedPrintable,
    'a==41=4z= 1=4a= \nba \nba\rb=\ra\0b\xc4\x80=\r4',
    'ab',
    'ab',
  ],
  ['uuencode', uuencode, '#86)Ca\n#86)C1\n#86)\n#86)c\n`\n#86)C\n', '#86)C\n', 'abc'],
  ['yEnc', yenc, '\x8b=\x8b\r\x8c\r\n=ypart\n=\0\n=yend\n', '\x8b\x8b', 'aa'],
]

for (const [name, decoder, text, unit, plain] of oddTexts) {
  t.test(`where a piece of ${name} ends makes no difference`, async (t) => {
    const count = Math.floor(PIECE / unit.length)
    const alone = ways(decoder, unit + text)
    for (let units = count - text.length; units <= count; units++) {
      const found = ways(decoder, unit.repeat(units) + text)
      t.same(Object.keys(found), Object.keys(alone), `${units} units`)
      for (const [way, decoded] of Object.entries(alone)) {
        // A reader that finds no base64 leaves the text.
        const front = decoded.startsWith(plain) ? plain : unit
        const expected = front.repeat(units - 1) + decoded
        if (found[way] !== expected) t.fail(`${units} units, ${way}`)
      }
    }
  })
}
