import fc from 'fast-check'
import t from 'tap'
import { datagramFor, readQuestionDatagram } from '../../src/quotad/udp-service.ts'
import { readReplyDatagram as readAnswer } from '../../src/scan/quota/quota-answer.ts'

const word = fc.string({
  unit: fc.constantFrom(...'abAB09@.-_+~!\xe4\xff'),
  minLength: 1,
  maxLength: 60,
})
const ascii = fc.string({
  unit: fc.constantFrom(...'abcdef0123456789'),
  minLength: 1,
  maxLength: 64,
})

t.test('a question is read as it was written', async (t) => {
  fc.assert(
    fc.property(word, fc.option(fc.nat()), fc.option(ascii), (user, incoming, nonce) => {
      const words = [
        user,
        ...(incoming === null ? [] : [incoming, ...(nonce === null ? [] : [nonce])]),
      ]
      const packet = Buffer.from(`CHECK_QUOTA ${words.join(' ')}`, 'latin1')
      const echo = incoming === null ? '' : (nonce ?? '')
      t.same(readQuestionDatagram(packet), { user, incoming: incoming ?? undefined, nonce: echo })
    }),
    { numRuns: 300 },
  )
})

t.test(
  'random bytes never make readQuestionDatagram throw or return a name with blanks',
  async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, begun) => {
        const packet = Buffer.concat([Buffer.from(begun ? 'CHECK_QUOTA ' : ''), bytes])
        const question = readQuestionDatagram(packet)
        return question === undefined || !/[\0-\x20\x7f]/.test(question.user + question.nonce)
      }),
      { numRuns: 2000 },
    )
  },
)

// Without a quota and without a byte it is taken for not known.
const usage = fc.option(
  fc.record({ size: fc.integer({ min: 1 }), quota: fc.option(fc.integer({ min: 1 })) }),
)

t.test('the client of onescan understands each answer', async (t) => {
  const nonce = 'c0ffee'
  fc.assert(
    fc.property(word, fc.constantFrom('room', 'full'), usage, (user, status, known) => {
      const told = known && { size: known.size, ...(known.quota ? { quota: known.quota } : {}) }
      const given = { status: status as 'room', ...(told ? { usage: told } : {}) }
      const extended = datagramFor({ user, incoming: 0, nonce }, given)
      t.same(readAnswer(Buffer.from(extended, 'latin1'), user, nonce), given)
      const plain = datagramFor({ user, incoming: undefined, nonce: '' }, given)
      t.same(readAnswer(Buffer.from(plain), user, undefined), { status })
    }),
    { numRuns: 300 },
  )
  for (const question of [
    { user: 'ann', incoming: 1, nonce },
    { user: 'ann', incoming: undefined, nonce: '' },
  ]) {
    const unknown = datagramFor(question, { status: 'unknown', why: 'x' })
    t.match(readAnswer(Buffer.from(unknown), 'ann', question.nonce || undefined), {
      status: 'unknown',
    })
    const nobody = datagramFor(question, { status: 'no-such-user' })
    t.same(readAnswer(Buffer.from(nobody), 'ann', question.nonce || undefined), {
      status: 'no-such-user',
    })
  }
})
