import fc from 'fast-check'
import t from 'tap'
import { logLine, replaceUnprintable } from '../../../src/base/log/line-format.ts'

const line = (...entries: Parameters<typeof logLine>[0]) => logLine(entries).toString('latin1')

t.test('a line is logfmt, and leaves out keys without a value', async (t) => {
  t.equal(line(['a', 'b'], ['n', 5], ['none', undefined], ['empty', '']), 'onescan: a=b n=5\n')
  t.equal(line(['a', 'two words'], ['q', '"x\\']), 'onescan: a="two words" q="\\"x\\\\"\n')
  t.equal(line(['a', 'x=y'], ['b', '\x00\n\xe9']), 'onescan: a="x=y" b="\\x00\\x0a\\xe9"\n')
})

t.test(
  'a value of any bytes stays in one line, whose fields are those that were written',
  async (t) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (value) => {
        const written = line(['a', value], ['end', 'yes'])
        t.match(
          written,
          /^onescan: (?:a=(?:[!#-<>-[\]-~]+|"(?:[ !#-[\]-~]|\\["\\]|\\x[0-9a-f]{2})*") )?end=yes\n$/,
        )
      }),
    )
  },
)

t.test('a long value is cut, and a line is never longer than a pipe writes at once', async (t) => {
  t.match(line(['a', 'x'.repeat(500)]), /^onescan: a=x{400}\.\.\.\n$/)
  const many = Array.from({ length: 100 }, (_, i) => [`k${i}`, '"'.repeat(300)] as const)
  t.ok(logLine(many).length <= 4096)
})

t.test('each character that is not printable ASCII becomes a question mark', async (t) => {
  t.equal(replaceUnprintable(' a~Z'), ' a~Z')
  t.equal(replaceUnprintable('a\nb\r\tc\x1b[1m\x7f'), 'a?b??c?[1m?')
  t.equal(replaceUnprintable('m\xfcller \u{1f4ce} \ud800'), 'm?ller ? ?')
})
