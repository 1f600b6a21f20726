import t from 'tap'
import { clamdMissing } from '../../../../programs/servers/clamd.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { tryLeftParts } from './left-parts.ts'

const MAILS = isWhole ? 2_000 : 150
const SEED = 8_203

t.test('clamd finds each file in a part that is left to it', { skip: clamdMissing }, async (t) => {
  const { made, lost } = await tryLeftParts(t, { count: MAILS, seed: SEED })
  for (const { form, mail } of lost) t.fail(form, { mail })
  t.ok(made < 10 * MAILS, `${made} messages were made`)
})
