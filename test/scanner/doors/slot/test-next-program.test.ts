import { spawnSync } from 'node:child_process'
import t from 'tap'
import {
  isTestOfCheck,
  NEXT_PROGRAM_REACHED,
  TEST_NEXT_PROGRAM,
} from '../../../../src/scanner/doors/slot/test-next-program.ts'

/** What the test mail of `onescan check` meets in place of qmail-queue. */

t.test('the test chain prints the header, and that it was reached', async (t) => {
  const input = 'X-QHPSI: clean\nSubject:  a\\b \n\nbody\n'
  const { stderr, stdout, status } = spawnSync('/bin/sh', ['-c', TEST_NEXT_PROGRAM], { input })
  t.equal(String(stderr), `${NEXT_PROGRAM_REACHED}\nX-QHPSI: clean\nSubject:  a\\b \n\n`)
  t.same([String(stdout), status], ['', 0])
  t.ok(isTestOfCheck(new Map([['QUEUECHAIN', TEST_NEXT_PROGRAM]])))
  t.notOk(isTestOfCheck(new Map([['QUEUECHAIN', '/bin/true']])))
})
