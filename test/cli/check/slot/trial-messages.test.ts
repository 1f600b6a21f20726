import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkTrialMessages } from '../../../../src/cli/check/slot/trial-messages.ts'
import { complaints } from '../../../doors/stages/host.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { host } from '../shared/host.ts'

const eicar = { QHPSI: 'plugin: eicar' }

function program(t: Test, script: string): string {
  const file = join(openDirectory(t), 'onescan-queue')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

t.test('a slot program that scans and hands on clean mail is well', async (t) => {
  const findings = await checkTrialMessages(host(eicar))
  t.same(complaints(findings), [])
  t.match(findings, [{ value: /^scanned and handed on in \d+ ms$/ }, { value: 'is found' }])
})

t.test('nothing is delivered, forwarded or refused by the trial', async (t) => {
  const delivered = join(t.testdir({}), 'delivered')
  const env = {
    ...eicar,
    QUEUECHAIN: `/bin/sh -c 'cat > "${delivered}"'`,
    REJECTVIRUS: '1',
    VIRUSFORWARD: 'postmaster@example.org',
    ERROR_FD: '6',
    LOGFILE: '/nonexistent/log',
  }
  t.same(complaints(await checkTrialMessages(host(env))), [])
  t.notOk(existsSync(delivered))
})

t.test('a damaged program that exits 0 and loses mail is found', async (t) => {
  const findings = await checkTrialMessages(host(eicar, { program: program(t, 'exit 0') }))
  t.match(findings[0], { level: 'error', value: /mail would be lost/, remedy: /reinstall it/ })
  t.match(findings[1], { level: 'error' })
})

t.test('a program that hands all mail on does not scan, and is found', async (t) => {
  const pass = program(t, 'eval "exec $QUEUECHAIN"')
  t.match(await checkTrialMessages(host(eicar, { program: pass })), [
    { level: 'warning', value: /unscanned/ },
    { level: 'error', value: /accepted as clean/ },
  ])
})

t.test("the reason in the slot's log is reported", async (t) => {
  const [finding] = await checkTrialMessages(host({ QHPSI: '/bin/sh -c "exit 7"' }))
  t.match(finding, { level: 'error', value: /^exits 71 .*exit code 7/ })
})

t.test('a program that crashes is reported', async (t) => {
  const [finding] = await checkTrialMessages(host(eicar, { program: program(t, 'kill -SEGV $$') }))
  t.match(finding, { level: 'error', value: /crashes \(SIGSEGV\)/ })
})

t.test('the slot program runs under the limits of the service', async (t) => {
  const all = { addressSpace: 3_000_000, data: 3_000_000, stack: 3_000_000 }
  t.same(complaints(await checkTrialMessages(host(eicar, { limits: all }))), [
    'error slot, clean message',
    'error slot, EICAR',
  ])
})
