import t from 'tap'
import { clamdMissing } from '../../../programs/servers/clamd.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { tryLeftParts } from './left-parts.ts'

const MAILS = isWhole ? 4_000 : 400
const SEED = 8_203

t.test('clamd finds each file in a part that is left to it', { skip: clamdMissing }, async (t) => {
  const { left, lost } = await tryLeftParts(t, { count: MAILS, seed: SEED })
  for (const { form, mail } of lost) t.fail(form, { mail })
  t.ok(left > MAILS / 5, `of ${left} messages a part is left`)
})
