import t from 'tap'
import { readSettings } from '../../../../src/base/settings/read-settings.ts'
import { infectedMail } from '../../../../src/base/settings/table/infected-mail.ts'
import type { SingleDecision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import { inOwnWords } from '../../../../src/scanner/scan/judge/decision/own-text.ts'
import type { Grounds } from '../../../../src/scanner/scan/replies/reply.ts'

/** The texts that a site sets for its refusals. */

const rejection = (grounds: Grounds, virus?: string): SingleDecision => ({
  kind: 'reject',
  reply: { class: 5, enhanced: '5.7.1', text: 'our own words', grounds },
  details: { scan: 'infected', reason: '', times: {}, ...(virus && { virus }) },
})

const replyFor = (env: Readonly<Record<string, string>>, grounds: Grounds, virus?: string) => {
  const decision = inOwnWords(rejection(grounds, virus), readSettings(env, infectedMail), 'ID7')
  return decision.kind === 'reject' ? decision.reply.text : ''
}

t.test('REFUSALTEXT is the text of each refusal, with its ground and what was found', async (t) => {
  const env = { REFUSALTEXT: 'no {reason} {virus} {id}' }
  t.equal(replyFor(env, 'virus', 'Eicar'), 'no virus Eicar ID7')
  for (const grounds of ['banned', 'nested-too-deep', 'too-much-inside'] as const) {
    t.equal(replyFor(env, grounds), `no ${grounds} ${grounds} ID7`)
    t.equal(replyFor({}, grounds), 'our own words')
  }
})

t.test('the name of a virus in a refusal forges no line, and makes no endless reply', async (t) => {
  const text = replyFor(
    { REFUSALTEXT: '{virus}{virus}' },
    'virus',
    `a\r\n250 ok ${'x'.repeat(500)}`,
  )
  t.notMatch(text, /[^ -~]/)
  t.equal(text.length, 400)
})
