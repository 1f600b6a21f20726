import t from 'tap'
import {
  boundarySpellings,
  spellingsOf,
} from '../../../../src/mail/mime/headers/boundary-spellings.ts'

for (const [number, { is, example }] of boundarySpellings.entries()) {
  t.test(`its example shows that a boundary is read as ${is}`, async (t) => {
    const spellings = spellingsOf(example)
    t.equal(spellings.indexOf(spellings[number]!), number, spellings.join(' | '))
  })
}
