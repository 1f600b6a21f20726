import t from 'tap'
import { type Caller, callers, type JudgedOutcome, replyToClient } from './smtp-reply.ts'

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function reply(as: Caller, outcome: Partial<JudgedOutcome>): string {
  return replyToClient(
    {
      pid: 4711,
      code: 0,
      signal: undefined,
      errorText: Buffer.alloc(0),
      handedOver: true,
      ...outcome,
    },
    as,
    now,
  )
}

t.test('exit code 0 is an acceptance, but only if everything was handed over', async (t) => {
  for (const as of callers) {
    t.equal(reply(as, {}), '250 ok 1767323045 qp 4711')
    t.equal(reply(as, { handedOver: false }), '451 qq read error (#4.3.0)')
  }
})

t.test('a signal counts as a crash, which is temporary', async (t) => {
  for (const as of callers) {
    t.equal(reply(as, { code: undefined, signal: 'SIGKILL' }), '451 qq crashed (#4.3.0)')
  }
})

t.test(
  'exit codes 11 to 40 and 115 are permanent failures, and all others are temporary',
  async (t) => {
    for (const as of callers) {
      for (let code = 1; code < 256; code++) {
        const permanent = (code >= 11 && code <= 40) || code === 115
        t.match(
          reply(as, { code }),
          permanent ? /^554 .*\(#5\.\d\.\d\)$/ : /^451 /,
          `${as} ${code}`,
        )
      }
    }
  },
)

t.test('each caller has its own text for an exit code', async (t) => {
  for (const [code, as, line] of [
    [31, 'notqmail', '554 mail server permanently rejected message (#5.3.0)'],
    [31, 'netqmail', '554 mail server permanently rejected message (#5.3.0)'],
    [31, 'indimail', '554 qq mail server permanently rejected message (#5.3.0)'],
    [33, 'notqmail', '554 qq permanent problem (#5.3.0)'],
    [33, 'indimail', '554 qq message contains virus (#5.7.1)'],
    [71, 'notqmail', '451 mail server temporarily rejected message (#4.3.0)'],
    [77, 'notqmail', '451 qq temporary problem (#4.3.0)'],
    [77, 'indimail', '451 qq unable to run QHPSI scanner (#4.3.0)'],
    [82, 'netqmail', '451 qq temporary problem (#4.3.0)'],
    [82, 'indimail', '451 qq unable to exec qq (#4.3.0)'],
    [120, 'netqmail', '451 unable to exec qq (#4.3.0)'],
  ] as const) {
    t.equal(reply(as, { code }), line, `${as} ${code}`)
  }
})

t.test(
  "the slot's own text counts with one code for each caller, if it has three bytes or more",
  async (t) => {
    const errorText = Buffer.from('Dvirus found: Eicar (#5.7.1)')
    const own = '554 virus found: Eicar (#5.7.1)'
    t.equal(reply('notqmail', { code: 82, errorText }), own)
    t.equal(reply('indimail', { code: 88, errorText }), own)
    t.not(reply('notqmail', { code: 88, errorText }), own)
    t.not(reply('indimail', { code: 82, errorText }), own)
    t.not(reply('netqmail', { code: 82, errorText }), own)
    t.equal(
      reply('notqmail', { code: 82, errorText: Buffer.from('Zno') }),
      '451 no',
      'three bytes are enough',
    )
    t.equal(
      reply('notqmail', { code: 82, errorText: Buffer.from('Zn') }),
      '451 qq temporary problem (#4.3.0)',
    )
  },
)

t.test(
  'the text ends where the caller stops reading: at 255 bytes, at 1,023, or at a NUL',
  async (t) => {
    const long = Buffer.from(`D${'x'.repeat(2000)}`)
    t.equal(reply('notqmail', { code: 82, errorText: long }).length, '554 '.length + 254)
    t.equal(reply('indimail', { code: 88, errorText: long }).length, '554 '.length + 1022)
    t.equal(reply('notqmail', { code: 82, errorText: Buffer.from('Dab\0cd') }), '554 ab')
  },
)

t.test('text that begins with neither D nor Z is temporary', async (t) => {
  t.equal(reply('notqmail', { code: 82, errorText: Buffer.from('text') }), '451 ext')
})
