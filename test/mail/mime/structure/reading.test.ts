import fc from 'fast-check'
import t from 'tap'
import { LimitExceeded } from '../../../../src/mail/mime/shared/limits.ts'
import { MailReading } from '../../../../src/mail/mime/structure/reading.ts'
import { conformingMail } from '../../../../tools/bench/readers/conforming.ts'
import { mutant } from '../../../../tools/bench/readers/mutate.ts'
import { examples, ordinary } from './oddity-examples.ts'

/** All that listeners are told of a mail that comes in pieces that end at `cuts`, and how deep it is. */
function told(mail: Buffer, cuts: readonly number[], everything: boolean): string[] {
  const events: string[] = []
  const tell = (what: string) => (value: unknown) => {
    events.push(`${what} ${JSON.stringify(value)}`)
  }
  const reading = new MailReading({
    header: tell('header'),
    odd: tell('odd'),
    leaf: tell('leaf'),
    ...(everything && { coded: tell('coded') }),
  })
  const ends = [...cuts.map((cut) => cut % (mail.length + 1)).sort((a, b) => a - b), mail.length]
  let from = 0
  try {
    for (const end of ends) {
      // In a memory of its own, so that what is kept of it by mistake is seen.
      const piece = Buffer.from(mail.subarray(from, end))
      reading.push(piece)
      piece.fill(0xee)
      from = end
    }
    reading.end()
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    events.push(error.message)
  }
  return [...events, `deepest ${reading.deepest}`]
}

const some = [
  ...ordinary,
  ...Object.values(examples).flatMap(({ has, hasNot }) => [...has, ...hasNot]),
].map((text) => Buffer.from(text, 'latin1'))

t.test('a listener is told the same of a mail, however the mail is split', async (t) => {
  const mail = fc.oneof(
    fc.constantFrom(...some.filter(({ length }) => length < 10_000)),
    fc.nat().map((seed) => mutant(seed).message),
    fc.nat().map((seed) => conformingMail(seed)),
  )
  fc.assert(
    fc.property(mail, fc.array(fc.nat(), { maxLength: 6 }), fc.boolean(), (mail, cuts, either) => {
      // Base64 in the pieces of a long line is found or not, as they fall; it only adds.
      const all = either && mail.length < 16 * 1024
      t.same(told(mail, cuts, all), told(mail, [], all))
    }),
    { numRuns: 400 },
  )
})

t.test('a listener is told the same of a mail that comes byte by byte', async (t) => {
  for (const mail of some.filter(({ length }) => length < 600)) {
    const cuts = Array.from({ length: mail.length }, (_, at) => at)
    t.same(told(mail, cuts, true), told(mail, [], true))
  }
})
