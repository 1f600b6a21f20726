import fc from 'fast-check'
import t from 'tap'
import { NOT_KNOWN, QUOTA_REPLY_MAX } from '../../../../src/base/protocol/quota/quota-answer.ts'
import {
  questionDatagram,
  readQuestionDatagram,
  readReplyDatagram,
  replyDatagram,
} from '../../../../src/base/protocol/quota/quota-datagrams.ts'
import { readBody } from '../../../../src/base/protocol/quota/quota-http.ts'

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

t.test('a question of the client is read as it was meant', async (t) => {
  for (const question of [
    { user: 'ann', incoming: undefined, nonce: '' },
    { user: 'ann@example.org', incoming: 4711, nonce: 'c0ffee' },
  ]) {
    t.same(readQuestionDatagram(Buffer.from(questionDatagram(question))), question)
  }
})

t.test('the client of onescan understands each answer', async (t) => {
  const nonce = 'c0ffee'
  fc.assert(
    fc.property(word, fc.constantFrom('room', 'full'), usage, (user, status, known) => {
      const sentUsage = known && {
        size: known.size,
        ...(known.quota ? { quota: known.quota } : {}),
      }
      const given = { status: status as 'room', ...(sentUsage ? { usage: sentUsage } : {}) }
      const extended = replyDatagram({ user, incoming: 0, nonce }, given)
      t.same(readReplyDatagram(Buffer.from(extended, 'latin1'), user, nonce), given)
      const plain = replyDatagram({ user, incoming: undefined, nonce: '' }, given)
      t.same(readReplyDatagram(Buffer.from(plain), user, undefined), { status })
    }),
    { numRuns: 300 },
  )
  for (const question of [
    { user: 'ann', incoming: 1, nonce },
    { user: 'ann', incoming: undefined, nonce: '' },
  ]) {
    const unknown = replyDatagram(question, { status: 'unknown', reason: 'x' })
    t.match(readReplyDatagram(Buffer.from(unknown), 'ann', question.nonce || undefined), {
      status: 'unknown',
    })
    const nobody = replyDatagram(question, { status: 'no-such-user' })
    t.same(readReplyDatagram(Buffer.from(nobody), 'ann', question.nonce || undefined), {
      status: 'no-such-user',
    })
  }
})

t.test('every word of a datagram counts', async (t) => {
  const datagram = (text: string, nonce?: string) =>
    readReplyDatagram(Buffer.from(text), 'ann', nonce)
  t.same(datagram('QUOTA_OK'), { status: 'room' })
  t.same(datagram('QUOTA_OK ann'), { status: 'room' })
  t.same(datagram('QUOTA_FULL ann 9\r\n'), { status: 'full', usage: { size: 9 } })
  t.same(datagram('QUOTA_OK ann 0 0'), { status: 'room' }, 'neither is known')
  t.same(datagram('QUOTA_OK ann 5 0'), { status: 'room', usage: { size: 5 } })
  t.same(datagram('QUOTA_OK ann 0 5'), { status: 'room', usage: { size: 0, quota: 5 } })
  t.same(datagram('QUOTA_UNKNOWN ann 1 2'), { status: 'no-such-user' })
  t.same(datagram('QUOTA_ERROR ann'), { status: 'unknown', reason: NOT_KNOWN })
  t.same(datagram('QUOTA_OK n1\n', 'n1'), { status: 'room' })
  t.same(datagram('QUOTA_OK ann n1', 'n1'), { status: 'room' })
  const digits = '9'.repeat(15)
  t.match(datagram(`QUOTA_OK ann ${digits}`), { usage: { size: Number(digits) } })
  for (const text of [
    '',
    'QUOTA_ok',
    'toString',
    'QUOTA_OK ben',
    'QUOTA_OK ann x',
    'QUOTA_OK ann 1 2 3',
    'QUOTA_OK ann 1 2x',
    'QUOTA_OK ann 1 x2',
    'QUOTA_OK ann x 2',
    `QUOTA_OK ann ${digits}9`,
    'QUOTA_OK\nann',
    'QUOTA_OK\n\n',
  ]) {
    t.equal(datagram(text), undefined, JSON.stringify(text))
  }
  for (const text of ['QUOTA_OK', 'n1', 'QUOTA_OK ann', 'QUOTA_OK n1 ann', 'QUOTA_OK n1 n2']) {
    t.equal(datagram(text, 'n1'), undefined, text)
  }
  const long = (length: number) => {
    const name = 'n'.repeat(length - 'QUOTA_OK '.length)
    return readReplyDatagram(Buffer.from(`QUOTA_OK ${name}`), name, undefined)
  }
  t.same(long(QUOTA_REPLY_MAX), { status: 'room' })
  t.equal(long(QUOTA_REPLY_MAX + 1), undefined)
})

const pieces = ['QUOTA_OK', 'QUOTA_FULL', 'OK', 'ann', '9', '-9', ' ', 'n0', '\n', '\0']
const answers: readonly (readonly [what: string, read: (text: string) => unknown, form: RegExp])[] =
  [
    [
      'datagram',
      (text) => readReplyDatagram(Buffer.from(text), 'ann', 'n0'),
      /^QUOTA_(OK|FULL)( ann( \d+( \d+)?)?)? n0\n?$/,
    ],
    ['body', (text) => readBody(text, 'ann'), /^(OK|OVERQUOTA) ann \d+ \d+\n?$/],
  ]
for (const [what, read, form] of answers) {
  t.test(`a random ${what} is only understood if it is well formed`, async (t) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces)), (some) => {
        const text = some.join('')
        if (read(text)) t.match(text, form)
      }),
      { numRuns: 2000 },
    )
  })
}
