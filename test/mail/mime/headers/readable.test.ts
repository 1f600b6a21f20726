import iconv from 'iconv-lite'
import t from 'tap'
import { readableNames, readableText } from '../../../../src/mail/mime/headers/readable.ts'
import { timeOf } from '../../../programs/host/processor-time.ts'

/** What a person reads in a header, in each character set. */

const texts: Readonly<Record<string, string>> = {
  'iso-8859-1': 'Rechnung für Müller',
  'ISO-8859-15': 'Preis 10 €',
  'windows-1252': 'Angebot – 10 €',
  'windows-1251': 'Счёт',
  'koi8-r': 'Привет, мир',
  gb2312: '发票',
  gbk: '發票',
  big5: '重要通知',
  shift_jis: '重要なお知らせ',
  'euc-jp': '重要なお知らせ',
  'euc-kr': '중요한 안내',
  'utf-8': 'Grüße 👨‍👩‍👧',
}

t.test('encoded words are read in each set, in both encodings', async (t) => {
  for (const [set, text] of Object.entries(texts)) {
    const bytes = iconv.encode(text, set)
    const inQ = [...bytes].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join('')
    for (const word of [`=?${set}?B?${bytes.toString('base64')}?=`, `=?${set}*de?q?${inQ}?=`]) {
      t.equal(readableText(` ${word}\r\n`), text, word)
      t.equal(readableText(`a ${word} b`), `a ${text} b`)
    }
  }
  t.equal(readableText('=?iso-2022-jp?B?GyRCIVo9RU1XIVsbKEI=?='), '【重要】')
})

t.test(
  'bytes without a set are UTF-8, or in the set that the message names elsewhere',
  async (t) => {
    for (const [set, text] of Object.entries(texts)) {
      const raw = iconv.encode(text, set).toString('latin1')
      t.equal(readableText(raw, set), text, set)
    }
    t.equal(readableText('M\xfcller \x96 x'), 'Müller – x', 'without any: Windows')
    t.equal(readableText('M\xfcller', 'utf-8'), 'Müller')
    t.equal(readableText('M\xfcller', 'x-no-such-set'), 'Müller')
  },
)

t.test('words that are written carelessly are read', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    '=?utf-8?Q?ab=C3?= =?utf-8?Q?=BC?=': 'abü',
    '=?utf-8?Q?ab=C3?=\r\n\t=?UTF-8?Q?=BC?=': 'abü',
    '=?utf-8?Q?a?= b =?utf-8?Q?c?=': 'a b c',
    '=?utf-8?Q?a?= =?iso-8859-1?Q?=FC?=': 'aü',
    '=?utf-8?q?a b?c?= x': 'a b?c x',
    '=?utf-8?Q?=FC?=': 'ü',
    '=?no-such-set?Q?=FC?=': 'ü',
    'plain =?x?': 'plain =?x?',
    '': '',
  }
  for (const [raw, text] of Object.entries(rows)) t.equal(readableText(raw), text, raw)
})

t.test('names of files are read in all forms', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    " attachment; filename*0*=utf-8''R%C3; filename*1*=%BC.zip": ['Rü.zip'],
    " attachment; filename*=koi8-r''%D3%DE%A3%D4.zip": ['счёт.zip'],
    ' application/zip; name="=?utf-8?Q?=C3=BC?=.zip"; charset=x': ['ü.zip'],
    ' a/b; name="a\\"b; c.exe"': ['a"b; c.exe'],
    ' a/b;\r\n name=a.exe': ['a.exe'],
    ' a/b; filename="a.exe"; name=a.exe': ['a.exe'],
    ' text/plain; charset=utf-8': [],
  }
  for (const [raw, names] of Object.entries(rows)) t.same(readableNames(raw), names, raw)
  t.same(readableNames('a/b; name="\xd3"', 'koi8-r'), ['с'])
})

t.test('the time is linear in the length of a header', async (t) => {
  for (const part of ['=?', '=?a?q?', ' =?utf-8?q?a?=', 'name="\\', ';name*0*="', '\r\n ']) {
    const raw = part.repeat(20_000)
    const most = 3_000
    const took = await timeOf(() => [readableText(raw), readableNames(raw)], most)
    t.ok(took <= most, `${JSON.stringify(part)}: ${took} ms`)
  }
})
