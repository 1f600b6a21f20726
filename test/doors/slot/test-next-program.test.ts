import { spawnSync } from 'node:child_process'
import t from 'tap'
import {
  CHAIN_REACHED,
  isTestOfCheck,
  TEST_CHAIN,
} from '../../../src/doors/slot/test-next-program.ts'

/** What the test mail of `onescan check` meets in place of qmail-queue. */

t.test('the test chain prints the header, and that it was reached', async (t) => {
  const input = 'X-QHPSI: clean\nSubject:  a\\b \n\nbody\n'
  const { stderr, stdout, status } = spawnSync('/bin/sh', ['-c', TEST_CHAIN], { input })
  t.equal(String(stderr), `${CHAIN_REACHED}\nX-QHPSI: clean\nSubject:  a\\b \n\n`)
  t.same([String(stdout), status], ['', 0])
  t.ok(isTestOfCheck(new Map([['QUEUECHAIN', TEST_CHAIN]])))
  t.notOk(isTestOfCheck(new Map([['QUEUECHAIN', '/bin/true']])))
})
