import t from 'tap'
import { encodingsLike } from '../../../../src/mail/mime/headers/encodings.ts'

/** What a body looks like, whatever its header declares. */

t.test('a body looks like base64 by its first line', async (t) => {
  for (const body of ['QUJDREVG', 'abcdefgh=', 'QUJDREVGRw== \t\r\nx', ' \r\nQUJDREVG\n!'])
    t.ok(encodingsLike(body).includes('base64'), body)
  for (const body of [
    'QUJD',
    'letters',
    'only lower\n',
    'lowercase\n',
    'QUJDREVG!',
    'QUJDREVG===\n',
  ])
    t.notOk(encodingsLike(body).includes('base64'), body)
})

t.test('a body looks like quoted-printable by an escape or a soft line break', async (t) => {
  for (const body of ['a=3d', 'a=\nb', 'a= \t\r\nb', `a=${' '.repeat(5000)}\nb`])
    t.same(encodingsLike(body), ['quoted-printable'], body.slice(0, 20))
  for (const body of ['a=b', 'a = b', 'a=4g']) t.same(encodingsLike(body), [], body)
})

t.test('a line of many megabytes is no trouble', async (t) => {
  const length = 16 * 1024 * 1024
  t.same(encodingsLike('QUJD'.repeat(length / 4)), ['base64'])
  t.same(encodingsLike('lowercase'.repeat(length / 9)), ['base64'])
  t.same(encodingsLike(`${'QUJD'.repeat(length / 4)}!`), ['base64'], 'some program skips the rest')
  t.same(encodingsLike(`A: QUJDREVG${' '.repeat(length)}!`), [])
  t.same(encodingsLike(`QUJDREVG${' '.repeat(length)}!`), [])
  t.same(encodingsLike(`a=${' '.repeat(length)}b`), [])
})
