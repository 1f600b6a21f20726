import fc from 'fast-check'
import t from 'tap'
import { LimitExceeded } from '../../../../src/mail/mime/budget/limits.ts'
import { conformingMail } from '../../../messages/random/conforming.ts'
import { mutant } from '../../../messages/random/mutate.ts'
import { inChunks } from '../../message/bytes.ts'
import { examples, ordinary } from '../oddity-examples.ts'
import { allReadings } from './all-readings.ts'

/** All that the readings find in a message that comes in pieces that end at `cuts`, and how deep it is. */
function foundIn(mail: Buffer, cuts: readonly number[]): string[] {
  const ends = [...new Set(cuts.map((cut) => cut % (mail.length + 1)))].sort((a, b) => a - b)
  try {
    const { done, unread } = allReadings(inChunks(mail, ends))
    return done
      .flatMap(({ reading, leaves, headers }) => [
        ...leaves.map((leaf) => JSON.stringify(leaf)),
        ...headers.map((header) => JSON.stringify(header)),
        `deepest ${reading.deepest}`,
      ])
      .concat(unread ?? 'all')
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    return [error.message]
  }
}

const some = [
  ...ordinary,
  ...Object.values(examples).flatMap(({ has, hasNot }) => [...has, ...hasNot]),
].map((text) => Buffer.from(text, 'latin1'))

t.test('the readings find the same in a message, however it is split', async (t) => {
  const mail = fc.oneof(
    fc.constantFrom(...some.filter(({ length }) => length < 10_000)),
    fc.nat().map((seed) => mutant(seed).message),
    fc.nat().map((seed) => conformingMail(seed)),
  )
  fc.assert(
    fc.property(mail, fc.array(fc.nat(), { maxLength: 6 }), (mail, cuts) => {
      t.same(foundIn(mail, cuts), foundIn(mail, []))
    }),
    { numRuns: 200 },
  )
})

t.test('the readings find the same in a message that comes byte by byte', async (t) => {
  for (const mail of some.filter(({ length }) => length < 600)) {
    const cuts = Array.from({ length: mail.length }, (_, at) => at)
    t.same(foundIn(mail, cuts), foundIn(mail, []))
  }
})

t.test('a bare CR below all that readings ask for makes no difference', async (t) => {
  const top = 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n'
  for (const part of ['\ny\rz\n--c\n', 'Content-Type: message/rfc822\n\na: b\n\ny\rz\n--c\n']) {
    const mail = Buffer.from(top + part)
    const readings = (cuts: readonly number[]) => allReadings(inChunks(mail, cuts)).done.length
    const whole = readings([])
    for (let cut = 1; cut < mail.length; cut++) t.equal(readings([cut]), whole, `${cut}`)
  }
})
