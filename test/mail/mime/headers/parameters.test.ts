import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { readingsOf } from '../../../../src/mail/mime/headers/fields.ts'
import { boundariesIn, charsetsIn } from '../../../../src/mail/mime/headers/parameters.ts'

const readBoundaries = (header: string) => boundariesIn(readingsOf(header))

t.test('a boundary is read in each form in which some reader understands it', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    '': [],
    'a/b; name=x': [],
    boundary: [],
    'boundary; x=y': [],
    'boundary=""': [],
    'boundary=Abc': ['Abc'],
    'BOUNDARY \t= \r\n\tabc ; x=y': ['abc'],
    'bou\0nd\vary\f=abc': ['abc'],
    'boundary=a\0bc': ['a\0bc', 'abc'],
    'boundary=a; boundary=b': ['a', 'b'],
    'boundary=a\nx=b': ['a'],
    'boundary=a b; c': ['a', 'a b'],
    'boundary="a b"': ['a', 'a b'],
    'boundary="a \t b"': ['a', 'a \t b', 'a b'],
    'boundary="a;b";c': ['a', 'a;b'],
    'boundary="abc': ['abc'],
    'boundary="a\\"b"; x': ['a"b', 'a\\', 'a\\"b', 'a\\b'],
    'boundary="a\\"b\\"c\nd"': ['a"b"cd', 'a\\', 'a\\"b\\"c\nd', 'a\\"b\\"c d', 'a\\b\\c'],
    'boundary="a b\\"c"': ['a', 'a b"c', 'a b\\', 'a b\\"c', 'a b\\c'],
    'boundary="a\r\n b"\r\nX: y': ['a', 'a\r\n b', 'a b', 'ab'],
    'boundary="a\n\tb"': ['a', 'a\n\tb', 'a b', 'ab'],
    "boundary='abc'; x": ["'abc'", 'abc'],
    'boundary=<abc>': ['<abc>', 'abc'],
    'boundary=a(c)d; x=y': ['a', 'a(c)d', 'ad'],
    '=?utf-8?q?boundary=3Dabc?=': ['3Dabc?=', '3Dabc', 'abc'],
    'boundary=----=_ab': ['----=_ab', '----'],
    'boundary="----=_ab"': ['----=_ab'],
    '=?utf-8?q?bo=75ndary=3Dabc?=': ['abc'],
    "boundary*=utf-8'en'a%20b": ["utf-8'en'a%20b", 'a b', 'utf-8ena%20b'],
    "boundary*0=ab; boundary*1*=''c%4a": ['ab', "''c%4a", 'c%4a', 'cJ', 'abcJ', "ab''cJ"],
    'boundary*0="a b"; boundary*1=c': ['a b', 'a', 'c', 'a bc'],
    'boundary*1x=abc': [],
    'boundary*1=c; boundary*0=b': ['b', 'c', 'bc', 'cb'],
    'boundary*0=a; boundary*2=c; boundary*0=b': ['a', 'b', 'c', 'ab', 'ac', 'bc', 'abc', 'acb'],
  }
  for (const [header, expected] of Object.entries(rows)) {
    t.same(readBoundaries(header).sort(), [...expected].sort(), JSON.stringify(header))
  }
})

t.test(
  'the length of a boundary and the number of boundaries in a header are limited',
  async (t) => {
    const longest = 'b'.repeat(limits.boundary)
    t.same(readBoundaries(`boundary=${longest}`), [longest])
    t.throws(() => readBoundaries(`boundary=${longest}b`), {
      message: /boundary of more than 1000/,
    })
    t.throws(() => readBoundaries(`boundary="${longest}\\`), { message: /boundary of more than/ })
    const blanks = `boundary*0="${' '.repeat(limits.boundary)}"; `
    t.same(readBoundaries(blanks.repeat(2)), [])
    t.throws(() => readBoundaries(blanks.repeat(3)), { message: /boundary of more than/ })
    t.throws(() => readBoundaries('boundary=b\n'.repeat(limits.boundaries + 1)), {
      message: 'more than 1000 boundaries',
    })
  },
)

t.test('a header names character sets', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    'content-type: text/plain; charset=utf-16be': ['utf16be'],
    'content-type: text/plain; charset="iso-8859-1"; name=a': ['iso88591'],
    "content-type: text/plain; charset*=us-ascii''utf-7": ['utf7'],
    'content-type: text/plain; charset*0=utf; charset*1="-7"': ['utf7'],
    "content-type: text/plain; charset*=''%75tf-7": ['utf7'],
    'content-type: text/plain; charset*1=-7; charset*0=utf': ['utf7'],
    'content-type: text/plain; charset=\n " utf-7"': ['utf7'],
    "content-type: text/plain; charset='utf-7'": ['utf7'],
    'content-type: text/plain; charset*0=utf-7; charset = koi8-r': ['koi8r', 'utf7'],
    'content-type: text/plain; charset=iso_8859-1; charset=latin-1': ['iso88591', 'latin1'],
    'content-type: text/plain; charset=utf8; charset=ansi_x3.4-1968; charset=x-unknown': [],
    'content-type: text/plain; charset=utf-8; charset=us-ascii': [],
    'content-type: text/plain; x==?a; charset="=?x?q?utf-7?="': ['utf7'],
    'content-type: text/plain': [],
    [`charset*0="${'x'.repeat(200)}"; charset*1=y; charset*2*=utf-7`]: ['utf7'],
    'charset=a charset=b charset=c charset=d charset=a': ['a', 'b', 'c', 'd'],
  }
  for (const [header, expected] of Object.entries(rows))
    t.same(charsetsIn(readingsOf(header)), expected, header)
})

t.test('a header that names more character sets than are read is not read', async (t) => {
  const names = (sets: string) => [...sets].map((set) => `charset=${set}`).join(' ')
  t.same(charsetsIn([names('abcdefgh')]), [...'abcdefgh'])
  for (const header of [names('abcdefghi'), 'charset=a '.repeat(1001)])
    t.throws(() => charsetsIn([header]), { message: 'more than 8 character sets in a header' })
})
