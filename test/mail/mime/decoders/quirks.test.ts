import t from 'tap'
import { armour } from '../../../../src/mail/mime/decoders/armour.ts'
import { base64 } from '../../../../src/mail/mime/decoders/base64.ts'
import type { Decoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import { quotedPrintable } from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { uuencode } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { calendarQuirks } from '../../../../src/mail/mime/quirks/calendar-quirks.ts'
import { encodingQuirks } from '../../../../src/mail/mime/quirks/encoding-quirks.ts'
import { type Program, type Quirk, UNNAMED } from '../../../../src/mail/mime/quirks/quirk.ts'
import { ways } from './decode.ts'

/** The decoders of the tables, each by the word that its rows begin with. */
const decoders: Readonly<Record<string, Decoder>> = {
  base64,
  'quoted-printable': quotedPrintable,
  uuencode,
  armour,
}

const rows: readonly (readonly [string, Quirk])[] = Object.entries(encodingQuirks)
for (const [quirk, row] of rows) {
  const decoder = decoders[quirk.split(' ', 1)[0]!]!
  for (const { does, example = row.example } of row.choices.slice(1)) {
    t.test(`its example shows the choice that ${quirk} ${does}`, async (t) => {
      t.ok(example !== undefined, 'there is an example')
      const { common, ...others } = ways(decoder, example!)
      const found = Object.entries(others).find(
        ([way, made]) => way.includes(`${quirk} ${does}`) && made !== common,
      )
      t.ok(found, JSON.stringify(others))
    })
  }
}

/** All sets of choices that a program makes in an encoding: a program in two versions makes several. */
function setsOf(program: Program, word: string): readonly (readonly string[])[] {
  let sets: readonly (readonly string[])[] = [[]]
  for (const [quirk, { choices }] of rows) {
    const made = choices.slice(1).filter(({ programs }) => programs?.includes(program))
    if (!quirk.startsWith(`${word} `) || made.length === 0) continue
    sets = sets.flatMap((set) => made.map(({ does }) => [...set, `${quirk} ${does}`]))
  }
  return sets
}

/** A text of each encoding with all that programs read differently. */
const oddTexts: Readonly<Record<string, string>> = {
  base64: 'Y W\xd7JjYW-Jj\nYWJ\njYW!JjYWJj=YWJjYWJjY',
  'quoted-printable': 'a==41=4z= 1=4=\n1a= \nba \nba\rb=\ra\0b\xc4\x80=\r41a=\n=',
  uuencode: '#86)Ca\n#86)C1\n#86)\n#86)c\n`\n#86)C\n',
}

const programs = new Set(
  rows.flatMap(([, { choices }]) => choices.flatMap(({ programs = [] }) => programs)),
)
for (const [word, text] of Object.entries(oddTexts)) {
  t.test(`${word} is read once with all choices of each program`, async (t) => {
    const found = ways(decoders[word]!, text)
    for (const program of programs) {
      if (program === UNNAMED) continue
      for (const set of setsOf(program, word)) {
        const way = [...set].sort().join(', ') || 'common'
        t.ok(way in found, `${program}: ${way}`)
      }
    }
  })
}

const everyQuirk = Object.entries({
  ...encodingQuirks,
  ...calendarQuirks,
}).map(([quirk, { choices }]) => [quirk, choices] as const)

t.test('the choices of no quirk have the same words', async (t) => {
  for (const [quirk, choices] of everyQuirk) {
    t.equal(new Set(choices.map(({ does }) => does)).size, choices.length, quirk)
  }
})
