import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { casesOfOtherBuilds } from '../../cases/other-builds.ts'
import { play } from './play.ts'
import { quickest, runtimes } from './slot.ts'

/**
 * The compiled program plays all cases, where it is built: it is what the Debian package
 * installs, and its engine is not the one that runs the same cases in the tests of other doors.
 */
for (const { name, program } of runtimes) {
  t.test(`the slot ${name}`, { jobs: 2 }, async (t) => {
    for (const testCase of program[0] === quickest[0] ? allCases : casesOfOtherBuilds) {
      t.test(testCase.name, (t) => play(t, testCase, () => ({ program })))
    }
  })
}
