import t from 'tap'
import { allCases } from '../../../cases/all.ts'
import { bounces } from '../../../cases/bounces.ts'
import { firstOfEachKind } from '../../../cases/kinds.ts'
import { play } from '../../../cases/play.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { sendToSlot } from './send.ts'
import { builds, oldest, quickest } from './slot.ts'

/**
 * The compiled program plays all cases, where it is built: it is what the Debian package
 * installs, and its engine is not the one that runs the same cases in the tests of other doors.
 * A Node plays one of each kind, and the oldest the same with `npm run test:nightly`.
 */
for (const { name, program } of builds) {
  if (program === oldest && !isWhole) continue
  t.test(`the slot ${name}`, { jobs: 2 }, async (t) => {
    const isQuickest = program[0] === quickest[0]
    const cases = [...allCases, ...bounces]
    for (const testCase of isQuickest ? cases : firstOfEachKind(cases)) {
      t.test(testCase.name, (t) =>
        play(t, testCase, { hasDaemon: false, send: (_, sent) => sendToSlot(sent, { program }) }),
      )
    }
  })
}
