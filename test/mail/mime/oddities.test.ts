import fc from 'fast-check'
import t from 'tap'
import { type Oddity, oddities } from '../../../src/mail/mime/traits/oddities.ts'
import { isWhole } from '../../run/is-whole.ts'
import { inChunks } from '../message/bytes.ts'
import { examples, ordinary } from './oddity-examples.ts'
import { readMail } from './read-mail.ts'

/** The oddities of a message that comes in pieces that end at `cuts`. */
function odditiesOf(message: Buffer, cuts: readonly number[] = []): Oddity[] {
  return [...new Set(readMail(inChunks(message, cuts)).odd)].sort()
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

t.test('mail as programs write it has no oddities', async (t) => {
  for (const message of ordinary) t.same(odditiesOf(bytes(message)), [], JSON.stringify(message))
})

t.test('every example has its oddity, and similar mail has none', async (t) => {
  for (const oddity of Object.keys(oddities) as Oddity[]) {
    const { has, hasNot } = examples[oddity]
    for (const message of has) {
      const found = odditiesOf(bytes(message))
      if (!found.includes(oddity))
        t.fail(`${oddity}: ${JSON.stringify(message.slice(0, 200))} has ${found}`)
    }
    for (const message of hasNot) {
      const found = odditiesOf(bytes(message))
      if (found.includes(oddity)) t.fail(`no ${oddity}: ${JSON.stringify(message.slice(0, 200))}`)
    }
    t.ok(has.length > 0 && hasNot.length > 0, oddity)
  }
})

const all = Object.values(examples)
  .flatMap(({ has, hasNot }) => [...has, ...hasNot])
  .map(bytes)
  .filter(({ length }) => length < 50_000)

t.test('however a message is split, it has the same oddities', async (t) => {
  for (const message of all.filter(({ length }) => length < 600)) {
    const whole = odditiesOf(message)
    for (let cut = 1; cut < message.length; cut += isWhole ? 1 : 5) {
      const found = odditiesOf(message, [cut])
      if (String(found) !== String(whole)) {
        t.same(found, whole, `${JSON.stringify(message.toString('latin1'))} at ${cut}`)
      }
    }
    const cuts = Array.from({ length: message.length }, (_, at) => at)
    t.same(odditiesOf(message, cuts), whole)
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.array(fc.nat(), { maxLength: 6 }),
      (message, places) => {
        const cuts = places.map((place) => place % (message.length + 1))
        t.same(odditiesOf(message, cuts), odditiesOf(message))
      },
    ),
    { numRuns: 300 },
  )
})
