import t, { type Test } from 'tap'
import { isWhole } from '../../../run/is-whole.ts'
import { atNextServer, inQuarantine } from './destinations.ts'
import { type KillFigures, runKills } from './kill-run.ts'

/** A few kills of onescand; `npm run test:nightly` has fifty of each kind. */

function check(t: Test, figures: KillFigures, how: string): void {
  const { lost, again, replyLost, unexplained, damaged, accepted, tries } = figures
  t.same({ lost, unexplained, damaged }, { lost: [], unexplained: [], damaged: [] }, how)
  t.ok(again.length <= replyLost, `${again.length} messages again, ${replyLost} replies lost`)
  t.ok(accepted > 0 && accepted < tries, `${accepted} messages in ${tries} tries`)
}

t.test('a kill under load loses no mail, and doubles mail only for lost replies', async (t) => {
  const figures = await runKills(t, await atNextServer(t), isWhole ? 50 : 3)
  check(t, figures, 'what was answered 250 is behind')
})

t.test('a message answered with 250 is in quarantine, complete, despite a kill', async (t) => {
  check(t, await runKills(t, await inQuarantine(t), isWhole ? 50 : 2), 'at any moment')
})
