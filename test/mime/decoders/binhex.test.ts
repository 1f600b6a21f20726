import t from 'tap'
import { BinhexDecoder, type Fork } from '../../../src/mime/decoders/binhex.ts'
import { makerOf } from '../../../src/mime/decoders/decoder.ts'
import { binhex } from '../../scan/evasions/compose.ts'
import { inEverySplit } from './in-every-split.ts'

const file = Buffer.from('what a file of the Macintosh has as its data: \x90 and aaaaaa', 'latin1')

const decoded = (text: string, skips: 'characters' | 'lines', fork: Fork = 'data') => {
  const make = makerOf(BinhexDecoder, skips, fork)
  const results = [...inEverySplit(text, make)]
  return results.length === 1 ? results[0] : results
}

t.test('BinHex gives the data of a file, whatever its lines look like', async (t) => {
  const text = binhex(file)
  const whole = file.toString('latin1')
  for (const skips of ['characters', 'lines'] as const) {
    t.equal(decoded(text, skips), whole)
    t.equal(decoded(text.replaceAll('\n', '\r\n'), skips), whole)
    t.equal(decoded(`${text}\nbehind`, skips), whole)
    t.equal(decoded(text, skips, 'resource'), '')
  }
  t.equal(decoded(text.replaceAll(/\n/g, '\nnot data\n'), 'lines'), whole)
  t.equal(decoded(text.replaceAll(/(.{9})/g, '$1\n'), 'characters'), whole)
})
