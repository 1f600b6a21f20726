import t from 'tap'
import { printable } from '../../../src/ground/errors/printable.ts'

t.test('whatever is not printable ASCII becomes one question mark', async (t) => {
  t.equal(printable(' a~Z'), ' a~Z')
  t.equal(printable('a\nb\r\tc\x1b[1m\x7f'), 'a?b??c?[1m?')
  t.equal(printable('m\xfcller \u{1f4ce} \ud800'), 'm?ller ? ?')
})
