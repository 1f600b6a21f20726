import t from 'tap'
import { armour } from '../../../../src/mail/mime/decoders/armour.ts'
import { base64 } from '../../../../src/mail/mime/decoders/base64.ts'
import type { Decoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import { quotedPrintable } from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { uuencode } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { yenc } from '../../../../src/mail/mime/decoders/yenc.ts'
import { eachWay, type Way } from '../../../../src/mail/mime/quirks/way.ts'
import { decodeBytes } from './decode.ts'

/** A decoder works piece by piece. What it looks for in each of them must not be searched for up to the end each time. */

const decoders = { armour, base64, quotedPrintable, uuencode, yenc }
const SIZE = 512 * 1024
/** Upper limit for the searches of a byte in one way. */
const SEARCHES_MAX = 4

/** What is repeated in a text. */
const units: Readonly<Record<string, string>> = {
  'one line': 'x',
  lines: `${'x'.repeat(75)}\n`,
  'lines with CR LF': `${'x'.repeat(74)}\r\n`,
  'lines with bare CRs': `${'x'.repeat(75)}\r`,
  'lines with blanks at their ends': `${'x'.repeat(74)} \n`,
  'lines with NULs': `${'x'.repeat(74)}\0\n`,
}

/** Decodes bytes in one way. Returns how many of them the runtime has searched, those that it searched again included. */
function searchedBy(decoder: Decoder, bytes: Buffer, way: Way): number {
  let searched = 0
  bytes.indexOf = (value: string | number | Uint8Array, from: unknown = 0) => {
    const at = Buffer.prototype.indexOf.call(bytes, value, Number(from))
    searched += (at < 0 ? bytes.length : at) - Number(from)
    return at
  }
  decodeBytes(decoder, bytes, way)
  return searched
}

for (const [name, decoder] of Object.entries(decoders))
  t.test(`${name} is decoded without searching the rest of it for each piece`, async (t) => {
    for (const [what, unit] of Object.entries(units))
      for (const way of eachWay()) {
        const bytes = Buffer.from(unit.repeat(SIZE / unit.length))
        const searched = searchedBy(decoder, bytes, way)
        if (searched > SEARCHES_MAX * SIZE) t.fail(`${what}: ${searched}, ${[...way.choices]}`)
      }
  })
