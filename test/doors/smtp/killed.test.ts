import t from 'tap'
import { runKills } from '../../bench/smtp/kill-run.ts'

/** npm run bench:smtp kills it fifty times. */

t.test('killed under load, it loses no mail, and sends none twice', async (t) => {
  const { lost, twice, accepted, tries } = await runKills(t, 3)
  t.same(lost, [], 'what was answered 250 is behind')
  t.same(twice, [])
  t.ok(accepted > 0 && accepted < tries, `${accepted} of ${tries} were accepted`)
})
