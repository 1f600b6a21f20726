import t from 'tap'
import { replaceUnprintable } from '../../../src/ground/errors/replace-unprintable.ts'

t.test('each character that is no printable ASCII becomes a question mark', async (t) => {
  t.equal(replaceUnprintable(' a~Z'), ' a~Z')
  t.equal(replaceUnprintable('a\nb\r\tc\x1b[1m\x7f'), 'a?b??c?[1m?')
  t.equal(replaceUnprintable('m\xfcller \u{1f4ce} \ud800'), 'm?ller ? ?')
})
