import t from 'tap'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import { BinhexDecoder, type Fork } from '../../../src/mime/decoders/binhex.ts'
import { makerOf } from '../../../src/mime/decoders/decoder.ts'
import { binhex, inBinhex } from '../../scan/evasions/compose.ts'
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
    for (const end of ['\r\n', '\r', ' \t\n']) {
      t.equal(decoded(text.replaceAll('\n', end), skips), whole)
    }
    t.equal(decoded(`${text}\nbehind`, skips), whole)
    t.equal(decoded(text, skips, 'resource'), '')
  }
  t.equal(decoded(text.replaceAll(/\n/g, '\nnot data\n'), 'lines'), whole)
  t.equal(decoded(text.replaceAll(/(.{9})/g, '$1\n'), 'characters'), whole)
})

/** A file of the Macintosh in BinHex: its forks as they are packed, and their lengths without that. */
function packed(forks: string, data: number, resource = 0): string {
  const header = Buffer.alloc(23)
  header.write('\x01x\0ZIP ZIP ')
  header.writeUInt32BE(data, 13)
  header.writeUInt32BE(resource, 17)
  return `:${inBinhex(Buffer.concat([header, Buffer.from(forks, 'latin1')]))}:`
}

t.test('BinHex by lines skips lines that are short, or hold anything else', async (t) => {
  const text = packed('ABCDEFGHIJKLMNOPQRSTUVWXYZ'.repeat(3), 78)
  const data = 'abcdef'.repeat(7)
  t.equal(text.replace(/.{40}/g, '$&\n').split('\n').at(-1)?.length, 17, 'the last line is short')
  const whole = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.repeat(3)
  for (const line of [
    ...['abc', data.slice(0, 39), `.${data}`, `:${data}`, `${data} ${data}`, `${data}.`],
    'These are words of more than forty characters.',
  ]) {
    t.equal(decoded(text.replace(/.{40}/g, `$&\n${line}\n`), 'lines'), whole, line)
  }
  for (const line of [':', `.${data}:`, data]) {
    t.equal(decoded(`${line}\n${text}`, 'lines'), whole, `${line} before the data`)
  }
})

t.test('BinHex by lines may have all in one line', async (t) => {
  const all = 'what is in one long line, '.repeat(100)
  const text = Buffer.from(packed(all, all.length))
  let result = ''
  const decoder = new BinhexDecoder(
    (room, length) => {
      result += room.toString('latin1', 0, length)
    },
    decoderRoom(),
    'lines',
    'data',
  )
  decoder.push(text, 0, text.length)
  decoder.end()
  t.equal(result, all)
})

t.test('BinHex repeats a byte as often as is said behind it', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['a\x90\x05b', 'aaaaab'],
    ['a\x90\x01b', 'ab'],
    ['a\x90\0b', 'a\x90b'],
    ['\x90\0\x90\x03', '\x90\x90\x90'],
  ]
  for (const [forks, file] of rows) {
    t.equal(decoded(packed(forks, file.length), 'characters'), file, JSON.stringify(forks))
  }
})

t.test('BinHex gives one fork of a file, and of one that is cut short what is there', async (t) => {
  const text = packed('data##resource##', 4, 8)
  t.equal(decoded(text, 'characters'), 'data')
  t.equal(decoded(text, 'characters', 'resource'), 'resource')
  // The header has 23 bytes, and four characters are three bytes.
  for (const [characters, expected] of [
    [30, ''],
    [32, 'd'],
    [33, 'd'],
    [34, 'da'],
    [35, 'dat'],
    [36, 'data'],
  ] as const) {
    t.equal(decoded(text.slice(0, 1 + characters), 'characters'), expected)
    const ended = `${text.slice(0, 1 + characters)}:${text.slice(1 + characters)}`
    t.equal(decoded(ended, 'characters'), expected, 'a colon ends the data')
  }
})
