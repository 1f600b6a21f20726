import t from 'tap'
import { readSettings } from '../../../src/lib/settings/settings.ts'
import { treatment } from '../../../src/lib/settings/table/scanning.ts'
import type { Grounds, SingleDecision } from '../../../src/scan/judge/decision.ts'
import { inOwnWords } from '../../../src/scan/judge/replies.ts'

/** The texts that a site sets for its refusals. */

const rejection = (grounds: Grounds, virus?: string): SingleDecision => ({
  kind: 'reject',
  reply: { class: 5, enhanced: '5.7.1', text: 'our own words', grounds },
  details: { scan: 'infected', why: '', times: {}, ...(virus && { virus }) },
})

const replyFor = (env: Readonly<Record<string, string>>, grounds: Grounds, virus?: string) => {
  const decision = inOwnWords(rejection(grounds, virus), readSettings(env, treatment), 'ID7')
  return decision.kind === 'reject' ? decision.reply.text : ''
}

t.test('REFUSALTEXT counts for grounds without a text of their own', async (t) => {
  const env = {
    REFUSALTEXT: 'no {ground} {virus} {id}',
    REFUSALTEXT_BANNED: 'no {virus} here',
    REFUSALTEXT_UNREADABLE: 'cannot read it: {ground}',
  }
  t.equal(replyFor(env, 'virus', 'Eicar'), 'no virus Eicar ID7')
  t.equal(replyFor(env, 'banned'), 'no banned here')
  for (const grounds of ['nested-too-deep', 'too-much-inside', 'strange-mime'] as const) {
    t.equal(replyFor(env, grounds), `cannot read it: ${grounds}`)
    t.equal(replyFor({ REFUSALTEXT: 'x' }, grounds), 'x')
    t.equal(replyFor({ REFUSALTEXT_BANNED: 'x' }, grounds), 'our own words')
  }
  t.equal(replyFor({ REFUSALTEXT_UNREADABLE: 'x' }, 'virus'), 'our own words')
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
