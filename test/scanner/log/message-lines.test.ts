import t from 'tap'
import { Fault } from '../../../src/base/errors/fault.ts'
import { readAddress } from '../../../src/base/text/address.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope.ts'
import { Header } from '../../../src/mail/message/header-block.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  passLine,
  recipientLines,
} from '../../../src/scanner/log/message-lines.ts'
import type {
  Decision,
  DecisionDetails,
} from '../../../src/scanner/scan/judge/decision/decision.ts'

/** The lines about mail, for who reads the log: onescan-log(5). */

const envelopeTo = (...names: readonly string[]) =>
  makeEnvelope(
    Buffer.from('a@b.example'),
    names.map((name) => Buffer.from(name)),
  )
const edits = { remove: [], add: [] }
const reply = { class: 5, enhanced: '5.7.1', text: 'x', grounds: 'encrypted' } as const
const forward = [readAddress('v@b.example')]
const quarantine = { kind: 'directory', directory: '/q' } as const

const details = (more: Partial<DecisionDetails> = {}): DecisionDetails => ({
  scan: 'clean',
  reason: '',
  times: { scan: 1.26 },
  ...more,
})

/** The lines for a decision about mail to these. */
function linesFor(decision: Decision, to = ['c@b.example']) {
  const context: LogContext = {
    remote: '192.0.2.7',
    total: 2,
    exit: 31,
    doorFields: [['interface', 'milter']],
    transaction: {
      message: { size: 9, header: new Header(Buffer.from('Message-ID: <1@b> \nX: y\n\n')) },
      envelope: envelopeTo(...to),
    },
  }
  return [...decisionLines(decision, context)].map(String)
}

t.test('a line has the decision about the message, its reason and its envelope', async (t) => {
  const end =
    'exit=31 interface=milter remote=192.0.2.7 size=9 msgid=<1@b> from=<a@b.example> to=<c@b.example> rcpts=1 total_ms=2.0\n'
  const virus = details({ scan: 'infected', virus: 'X' })
  for (const [decision, expected] of [
    [{ kind: 'accept', edits, details: details() }, 'decision=accept scan=clean'],
    [{ kind: 'discard', details: virus }, 'decision=discard scan=infected virus=X grounds=virus'],
    [
      { kind: 'accept', edits, details: virus },
      'decision=accept scan=infected virus=X grounds=virus',
    ],
    [
      { kind: 'accept', edits, details: details({ banned: 'a.exe', virus: 'X' }) },
      'decision=accept scan=clean virus=X banned=a.exe grounds=banned',
    ],
    [
      { kind: 'accept', edits, recipients: forward, details: virus },
      'decision=quarantine scan=infected virus=X grounds=virus',
    ],
    [
      { kind: 'reject', reply, details: virus },
      'decision=reject scan=infected virus=X grounds=encrypted',
    ],
    [
      { kind: 'quarantine', id: '7', quarantine, grounds: 'unscanned', edits, details: virus },
      'decision=quarantine scan=infected virus=X grounds=unscanned kept=7',
    ],
  ] as const satisfies readonly (readonly [Decision, string])[]) {
    const lines = linesFor(decision)
    t.same(lines, [`onescan: ${expected} scan_ms=1.3 ${end}`])
  }
})

t.test(
  'all recipients of a message in quarantine are named, and each share has its line',
  async (t) => {
    const to = Array.from({ length: 10 }, (_, n) => `${n}@b.example`)
    const kept = {
      kind: 'quarantine',
      quarantine,
      grounds: 'virus',
      edits,
      details: details(),
    } as const
    const [line, first, second, ...more] = linesFor(kept, to)
    t.match(line, / rcpts=10 /)
    t.match(first, /^onescan: quarantined=recipients( rcpt=<\d@b\.example>){8}\n$/)
    t.match(second, /^onescan: quarantined=recipients rcpt=<8@b\.example> rcpt=<9@b\.example>\n$/)
    t.same(more, [])
    t.equal(linesFor({ kind: 'accept', edits, details: details() }, to).length, 1)
    const shares = [
      {
        decision: { kind: 'accept', edits, details: details() },
        envelope: envelopeTo('d@b.example'),
      },
      {
        decision: { kind: 'reject', reply, details: details() },
        envelope: envelopeTo('e@b.example'),
      },
    ] as const
    t.match(linesFor({ kind: 'split', shares, shareOf: [0, 1] }), [
      /decision=accept .* to=<d@b\.example> rcpts=1 /,
      /decision=reject .* to=<e@b\.example> rcpts=1 /,
    ])
    const named = [
      ...recipientLines(
        [['bounced', 1]],
        to.map((name) => readAddress(name)),
        3,
      ),
    ]
    t.same(named.map(String), [
      'onescan: bounced=1 rcpt=<0@b.example> rcpt=<1@b.example> rcpt=<2@b.example>\n',
    ])
  },
)

t.test(
  'a message that was not judged has a line, and mail that could not be kept, too',
  async (t) => {
    const context: LogContext = { remote: undefined, transaction: undefined, total: 0 }
    t.equal(String(passLine('off', context)), 'onescan: decision=pass reason=off total_ms=0.0\n')
    const summary = { from: 'a@b', to: 'c@d', recipients: 2, messageId: '<1@b>' }
    for (const [error, expected] of [
      [new Fault('write', 'full'), 'decision=defer fault=write reason=full'],
      [new Fault('address-too-long', 'long'), 'decision=reject fault=address-too-long reason=long'],
    ] as const) {
      const line = String(faultLine(error, { ...context, exit: 53, summary }))
      const whose = 'msgid=<1@b> from=<a@b> to=<c@d> rcpts=2'
      t.equal(line, `onescan: ${expected} exit=53 ${whose} total_ms=0.0\n`)
    }
    t.match(
      String(faultLine(new Error('odd'), { ...context, exit: 81 })),
      /fault=bug reason="Error: odd.* at .*" exit=81/,
    )
  },
)
