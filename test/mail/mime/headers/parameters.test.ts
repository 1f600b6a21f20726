import t from 'tap'
import { readingsOf } from '../../../../src/mail/mime/headers/fields.ts'
import { BOUNDARY_WORD, charsetsIn } from '../../../../src/mail/mime/headers/parameters.ts'

t.test('a boundary is found in each form in which some reader understands it', async (t) => {
  const hasBoundary = (header: string) =>
    readingsOf(header).some((text) => BOUNDARY_WORD.test(text))
  const has = [
    ...['boundary=Abc', 'BOUNDARY \t= \r\n\tabc ; x=y', 'bou\0nd\vary\f=abc', 'boundary="abc'],
    ...['=?utf-8?q?boundary=3Dabc?=', '=?utf-8?q?bo=75ndary=3Dabc?=', "boundary*=utf-8'en'a%20b"],
    ...['boundary*0=ab; boundary*1=c', 'X-Sun-Attachment'],
  ]
  for (const header of has) t.ok(hasBoundary(header), JSON.stringify(header))
  for (const header of ['', 'a/b; name=x', 'boundary', 'boundary; x=y', 'boundary*1x=abc'])
    t.notOk(hasBoundary(header), JSON.stringify(header))
})

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
  t.throws(() => charsetsIn([names('abcdefghi')]), {
    message: 'more than 8 character sets in a header',
  })
  t.same(charsetsIn(['charset=a '.repeat(32)]), ['a'])
  t.throws(() => charsetsIn(['charset=a '.repeat(33)]), {
    message: 'more than 32 parameters for character sets in a header',
  })
})
