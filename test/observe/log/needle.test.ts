import t from 'tap'
import { matcherFor, needleOf } from '../../../src/observe/log/criteria.ts'
import { createNeedle } from '../../../src/observe/log/needle.ts'

/** The text that is searched for in a log before its lines are parsed. */

const nothing = {
  id: undefined,
  from: undefined,
  to: undefined,
  virus: undefined,
  decision: undefined,
  since: undefined,
  until: undefined,
}

t.test('a text is found in any case of letters, at any position', async (t) => {
  const letters = 'aAbB@[`{1'
  let state = 1
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
  const text = (length: number) =>
    Array.from({ length }, () => letters[random(letters.length)]).join('')
  for (let round = 0; round < 20_000; round++) {
    const [hay, wanted, from] = [text(random(40)), text(1 + random(4)), random(5)]
    const found = createNeedle(wanted).find(Buffer.from(hay), from)
    const expected = hay.toLowerCase().indexOf(wanted.toLowerCase(), from)
    if (found !== expected) t.equal(found, expected, `${wanted} in ${hay} from ${from}`)
  }
  const long = 'x'.repeat(1000)
  t.equal(createNeedle(long).find(Buffer.from(`y${long}`), 0), 1)
})

t.test('the search uses the longest text that every matching line contains', async (t) => {
  const length = (criteria: object) => needleOf({ ...nothing, ...criteria })?.length
  t.equal(length({}), undefined)
  t.equal(length({ decision: 'reject', since: 1 }), undefined)
  t.equal(length({ to: 'ann@example.org' }), 15)
  t.equal(length({ to: 'ann', from: 'bob@x', id: 'abcdefgh', virus: 'Eicar' }), 8)
  t.equal(length({ to: 'j\u00f6rg@x' }), 4, 'rg@x: what is not ASCII is escaped')
  t.equal(length({ to: '"a b"c\\defg' }), 4)
  t.equal(length({ to: '\u00f6' }), undefined)
})

t.test(
  'no letter beyond ASCII matches a letter of ASCII, since the search in bytes would miss it',
  async (t) => {
    const entry = (to: string) => ({
      time: 1,
      host: '',
      fields: new Map([
        ['decision', 'accept'],
        ['to', to],
      ]),
      recipients: [],
    })
    t.equal(matcherFor({ ...nothing, to: 'k' })(entry('\u212a')), false)
    t.equal(matcherFor({ ...nothing, to: '\u212a' })(entry('\u212a')), true)
    t.equal(matcherFor({ ...nothing, to: 'i' })(entry('\u0130')), false)
    t.equal(matcherFor({ ...nothing, to: 'J\u00d6RG' })(entry('j\u00f6rg')), true)
  },
)
