import t from 'tap'
import { armour } from '../../../../src/mail/mime/decoders/armour.ts'
import { base64 } from '../../../../src/mail/mime/decoders/base64.ts'
import type { Codec } from '../../../../src/mail/mime/decoders/decoder.ts'
import { quotedPrintable } from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { uuencode } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { yenc } from '../../../../src/mail/mime/decoders/yenc.ts'
import { calendarHabits } from '../../../../src/mail/mime/habits/calendar-habits.ts'
import { encodingHabits } from '../../../../src/mail/mime/habits/encoding-habits.ts'
import { formHabits } from '../../../../src/mail/mime/habits/form-habits.ts'
import { structureHabits } from '../../../../src/mail/mime/habits/structure-habits.ts'
import { ways } from './decode.ts'

/** Texts in which each choice of these habits makes a difference. */
const texts: readonly (readonly [Codec, readonly string[]])[] = [
  [
    base64,
    ['YW\xd7JjYWJj', 'YW-JjYWJj', 'YW!JjYWJj', 'YWJj=YQ==YWJj', 'YWJ\njYWJj', 'YWJjYWI', 'YWJjY'],
  ],
  [quotedPrintable, ['a==41=4z= 1=4=\n1', 'a= \nb', 'a=\n', 'a \nb', 'a\rb', 'a\0b', '\xc4\x80']],
  [
    uuencode,
    ['#86)C1\n', '#86)Ca\n', '#86)C12345\n', '#86)c\n', '#86)C86)C\n', '#86)\n', '!04)\n" a)#\n'],
  ],
  [uuencode, [`#86)C${' '.repeat(122)}#86)C\n`, '#86)C\n`\n#86)C\n']],
  [yenc, ['\x8b\r\x8c']],
  [armour, ['A: YWJj\n\nZGVm']],
]

t.test('each choice of each habit makes other bytes of one of these texts', async (t) => {
  const shown = new Set<string>()
  for (const [codec, those] of texts) {
    for (const text of those) {
      const { common, ...others } = ways(codec, text)
      for (const [way, decoded] of Object.entries(others)) if (decoded !== common) shown.add(way)
    }
  }
  const choices = Object.entries(encodingHabits).flatMap(([habit, { choices }]) =>
    choices.slice(1).map(({ does }) => `${habit} ${does}`),
  )
  t.same(
    choices.filter((choice) => !shown.has(choice)),
    [],
  )
})

const everyFeature = Object.entries({
  ...structureHabits,
  ...encodingHabits,
  ...formHabits,
  ...calendarHabits,
}).map(([habit, { choices }]) => [habit, choices] as const)

t.test('the choices of no feature have the same words', async (t) => {
  for (const [habit, choices] of everyFeature) {
    t.equal(new Set(choices.map(({ does }) => does)).size, choices.length, habit)
  }
})

t.test('no feature has more choices than fit into the key of a set of habits', async (t) => {
  for (const [habit, { length }] of everyFeature) t.ok(length <= 16, habit)
})
