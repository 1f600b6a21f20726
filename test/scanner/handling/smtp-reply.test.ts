import t from 'tap'
import { faultReply, replyCode, replyOf } from '../../../src/scanner/handling/smtp-reply.ts'
import type { Decision } from '../../../src/scanner/scan/judge/decision/decision.ts'
import type { Grounds } from '../../../src/scanner/scan/replies/reply.ts'

/** What an SMTP client hears for a decision: RFC 5321 4.2.3. */

t.test('the code of a decision or fault shows a client whether to retry', async (t) => {
  const details = { scan: 'skipped', reason: '', times: {} } as const
  for (const [status, grounds, code] of [
    [4, 'unscanned', 451],
    [4, 'too-large', 451],
    [4, 'over-quota', 452],
    [5, 'virus', 550],
    [5, 'too-large', 552],
  ] as const satisfies readonly (readonly [4 | 5, Grounds, number])[]) {
    const reply = { class: status, enhanced: `${status}.7.1`, text: 'x', grounds }
    const kind = status === 4 ? 'defer' : 'reject'
    t.same(replyOf(reply), { code, enhanced: reply.enhanced, lines: ['x'] })
    t.equal(replyCode({ kind, reply, details } as Decision), code)
  }
  t.equal(replyCode({ kind: 'discard', details } as Decision), undefined)
  t.match(faultReply('address-too-long'), { code: 553, enhanced: '5.1.0', lines: [/1002 bytes/] })
  t.match(faultReply('bug'), { code: 451, enhanced: '4.3.0', lines: [/try again later/] })
})
