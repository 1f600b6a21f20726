import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkPrograms } from '../../../../../src/scanner/cli/check/slot/check-next-program.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { stranger } from '../../../readiness/host.ts'
import { slotProgram } from '../../onescan.ts'
import { host } from '../host.ts'

function qmail(t: Test, mode = 0o755): string {
  const home = t.testdir({ bin: {} })
  writeFileSync(join(home, 'bin/qmail-queue'), '#!/bin/sh\n')
  chmodSync(join(home, 'bin/qmail-queue'), mode)
  return home
}

t.test('a chain that is missing, not executable, or the slot itself is an error', async (t) => {
  const chain = (env: Record<string, string>) => checkPrograms(host(env)).at(-1)
  t.match(chain({ QMAILHOME: '/nonexistent' }), {
    level: 'error',
    value: /qmail-queue.*no such file or directory/,
  })
  t.match(chain({ QMAILHOME: qmail(t, 0o644) }), {
    level: 'error',
    value: / cannot execute .*: mail is deferred$/,
  })
  t.match(chain({ QUEUECHAIN: '/tmp' }), { level: 'error', value: /is not a file/ })
  t.match(chain({ QUEUECHAIN: slotProgram }), {
    level: 'error',
    value: /onescan-queue itself: mail is deferred$/,
    remedy:
      'remove QUEUECHAIN (qmail-queue is the default), or set it to another program that does not call onescan',
  })
  t.match(chain({ QUEUECHAIN: "'/bin/true" }), { level: 'error', value: /is not closed/ })
  t.match(chain({ QUEUECHAIN: 'true with words' }), { level: 'ok', value: /\/true with words$/ })
})

t.test('a program that the account of qmail-smtpd cannot execute is an error', async (t) => {
  const home = qmail(t, 0o700)
  const checkLines = checkPrograms(host({ QMAILHOME: home }, { account: stranger }))
  t.match(checkLines.at(-1), { level: 'error', value: /stranger \(strangers\) cannot execute/ })
})

t.test('a missing qmail-queue program is an error', async (t) => {
  const QMAILQUEUE = '/nonexistent/onescan-queue'
  const [slot] = checkPrograms(host({ QMAILHOME: qmail(t), QMAILQUEUE }, { program: QMAILQUEUE }))
  t.match(slot, { level: 'error', value: /no such file or directory/ })
})

t.test('a qmail-queue without its setuid bit is reported', async (t) => {
  const home = openDirectory(t)
  const queue = join(home, 'bin/qmail-queue')
  mkdirSync(join(home, 'bin'))
  copyFileSync('/bin/true', queue)
  const chain = () => checkPrograms(host({ QMAILHOME: home }, { account: stranger })).at(-1)
  chmodSync(queue, 0o700)
  t.match(chain(), { level: 'error', value: /cannot execute/, remedy: /chmod 4711/ })
  chmodSync(queue, 0o711)
  t.match(chain(), { level: 'error', value: /lacks its setuid bit/, remedy: /chmod 4711/ })
  chmodSync(queue, 0o4711)
  t.match(chain(), { level: 'ok', what: 'next program' })
})
