import fc from 'fast-check'
import t from 'tap'
import {
  Base64Decoder,
  type Base64Mode,
  Base64Oddities,
  PATIENT,
} from '../../../../src/mail/mime/decoders/base64.ts'
import { decoderRoom, type Give, makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  asNumber,
  othersAsZero,
  PATIENT_ESCAPES,
  QuotedPrintableDecoder,
  QuotedPrintableInLines,
  type QuotedPrintableMode,
} from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { CutLines, UuencodeAcrossLines } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { inEverySplit } from './in-every-split.ts'

t.test('base64 is decoded as readers do that differ, wherever it is cut', async (t) => {
  const cases: readonly [Partial<Base64Mode>, string, string][] = [
    [{}, 'QUJDRA==', 'ABCD'],
    [{}, 'QUJDQU', 'ABCA'],
    [{ tail: 'drop' }, 'QUJDQU', 'ABC'],
    [{ tail: 'drop' }, 'QUJDQUI', 'ABC'],
    [{ tail: 'drop' }, 'QUJDQQ=', 'ABC'],
    [{ tail: 'drop' }, 'QUJDRA==', 'ABCD'],
    [{ tail: 'drop' }, 'QUJDREU=', 'ABCDE'],
    [{ tail: 'drop', padding: 'end' }, 'QUJDRA==', 'ABCD'],
    [{ tail: 'more' }, 'QUJDQ', 'ABC@'],
    [{ tail: 'more' }, 'QUJDQU', 'ABCA'],
    [{ padding: 'group' }, 'QUJDRA==QUJD', 'ABCDABC'],
    [{ padding: 'group' }, 'QU=DQUJD', 'A@ABC'],
    [{ padding: 'group' }, '=QUJQUJD', '\x01\x05ABC'],
    [{ padding: 'group' }, '===QQUJD', '\x00ABC'],
    [{ padding: 'group' }, 'QUJDQ', 'ABC@'],
    [{ padding: 'group' }, 'QUJDQU', 'ABCA'],
    [{ padding: 'end', junk: 'ones', tail: 'drop' }, '*UJDQUJD', '\xfdBCABC'],
    [{ padding: 'end', junk: 'ones', tail: 'drop' }, 'QUJ*QUJD', 'AB\xffABC'],
    [{ padding: 'end', junk: 'ones', tail: 'drop' }, 'QU\nJDQQ==QUJD', 'ABCA'],
  ]
  for (const [mode, text, expected] of cases) {
    const make = makerOf(Base64Decoder, { ...PATIENT, ...mode })
    t.same([...inEverySplit(text, make)], [expected], `${text} ${JSON.stringify(mode)}`)
  }
})

t.test('a = that begins no escape is read as readers do that differ', async (t) => {
  const cases: readonly [QuotedPrintableMode['strange'], string, string][] = [
    ['keep', 'a==41=4=41', 'a=A=4A'],
    ['keep two', 'a==41', 'a==41'],
    ['keep two', 'a=4Xb=X=41', 'a=4b=XA'],
    ['keep two', 'a= \nb=\nc=\r\nd', 'a= \nbcd'],
    ['keep three', 'a==41=4=41', 'a==41=4=41'],
    ['keep three', 'a= \nb=\nc=\r\nd=\re', 'a= \nbcde'],
    [othersAsZero, 'a=/4=5/=\n', 'a\x04\x50'],
    [asNumber, 'a=4X= A=-1=+5=X4=41', 'a\x04\x0a\xff\x05\x00A'],
  ]
  for (const [strange, text, expected] of cases) {
    const make = makerOf(QuotedPrintableDecoder, { ...PATIENT_ESCAPES, strange })
    t.same([...inEverySplit(text, make)], [expected], `${text} ${strange}`)
  }
})

t.test('lines of uuencode end where readers end them', async (t) => {
  const cut = (by: 'records' | 'pieces') => makerOf(CutLines, by)
  t.same([...inEverySplit('#04)#\'"4Q$\n`\r\nend\n', cut('records'))], ['#04)#\n\'"4Q$\n`\nend\n'])
  t.same(
    [...inEverySplit(`${'a'.repeat(130)}\nb\n`, cut('pieces'))],
    [`${'a'.repeat(127)}\naaa\nb\n`],
  )
})

t.test('groups of uuencode go on in the next line, as KMime reads them', async (t) => {
  const make = makerOf(UuencodeAcrossLines)
  const rows: Readonly<Record<string, string>> = {
    '!04\n" a)#\n`\nend\n#04)#\n': 'ABC',
    '!04)#\n': 'A',
    '#04end)#\n#04)#\n': 'ABCABC',
    '#0```\n': '@\0\0',
    'e04)#\n': '',
    '&04)#\ne04)#\n': 'ABCABC',
    '&04)#\n 04)#\n': 'ABCABC',
    '&04)#\n`04)#\n': 'ABC',
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.same([...inEverySplit(text, make)], [expected], JSON.stringify(text))
  }
})

t.test('quoted-printable is decoded as Thunderbird 153 does', async (t) => {
  const make = makerOf(QuotedPrintableInLines)
  const text = 'if (a ==41 || b ==3D) {\n  c = \n  "=4=41"\n}\nif (a ==41 || b ==3D) {\n'
  // So it saved it.
  const saved = 'if (a ==41 || b ==3D) {\n  c =  "=4=41"\n}\nif (a =1 || b ==3D) {\n'
  t.same([...inEverySplit(text, make)], [saved])
  t.same([...inEverySplit('=00a=\rbcd=\n\ne', make)], ['\0abcd\ne'])
  t.same([...inEverySplit('=41=\nb=42\r\nc=\r\nd=', make)], ['AbB\r\ncd='])
})

t.test(
  'lines of one length that are odd anywhere are decoded as if they came byte by byte',
  async () => {
    const decode = (bytes: Buffer, piece: number) => {
      const odd = new Base64Oddities()
      const out: Buffer[] = []
      const give: Give = (room, length) => out.push(Buffer.from(room.subarray(0, length)))
      const decoder = new Base64Decoder(give, decoderRoom(), PATIENT, odd)
      for (let at = 0; at < bytes.length; at += piece) {
        decoder.push(bytes, at, Math.min(bytes.length, at + piece))
      }
      decoder.end()
      return { decoded: Buffer.concat(out).toString('base64'), odd }
    }
    const lines = Buffer.alloc(30_000, 'what lines of one length hold, and more ')
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n')
    const change = fc.record({
      at: fc.nat({ max: lines.length - 1 }),
      cut: fc.nat({ max: 3 }),
      put: fc.constantFrom(
        '',
        '\n',
        '\r\n',
        '=',
        '-',
        '!',
        ' ',
        '\t',
        '\0',
        '\xff',
        'A',
        'AAAA',
        '\n\n',
      ),
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let text = lines
        for (const { at, cut, put } of changes)
          text = text.slice(0, at) + put + text.slice(at + cut)
        const bytes = Buffer.from(text, 'latin1')
        const whole = decode(bytes, 64 * 1024)
        const byBytes = decode(bytes, 1)
        return JSON.stringify(whole) === JSON.stringify(byBytes)
      }),
      { numRuns: 150 },
    )
  },
)
