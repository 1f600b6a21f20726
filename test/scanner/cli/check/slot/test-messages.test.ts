import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { howToStart } from '../../../../../src/scanner/cli/check/services/service-state.ts'
import { checkTestMessages } from '../../../../../src/scanner/cli/check/slot/test-messages.ts'
import { complaints } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { host } from '../host.ts'

const eicar = { QHPSI: 'plugin: eicar' }

function program(t: Test, script: string): string {
  const file = join(openDirectory(t), 'onescan-queue')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

t.test('a qmail-queue program that scans and passes on clean mail has no findings', async (t) => {
  const checkLines = await checkTestMessages(host(eicar))
  t.same(complaints(checkLines), [])
  t.match(checkLines, [{ value: /^scanned and passed on in [\d.]+ m?s$/ }, { value: 'is found' }])
})

t.test('a plugin that refuses small mail is not an error of the scanner', async (t) => {
  const small = `export const virusscan = ({ size, part }) =>
    !part && size < 8192 ? { infected: true, name: 'small' } : { clean: true }\n`
  const env = { QHPSI: 'plugin: mine.mjs', PLUGINDIR: t.testdir({ 'mine.mjs': small }) }
  t.match(await checkTestMessages(host(env)), [
    { level: 'ok', what: 'qmail, clean message' },
    { level: 'ok', what: 'qmail, EICAR' },
  ])
})

t.test('nothing is delivered, forwarded or refused by the test', async (t) => {
  const delivered = join(t.testdir({}), 'delivered')
  const env = {
    ...eicar,
    QUEUECHAIN: `/bin/sh -c 'cat > "${delivered}"'`,
    REJECTVIRUS: '1',
    VIRUSFORWARD: 'postmaster@example.org',
    ERROR_FD: '6',
    LOGFILE: '/nonexistent/log',
  }
  t.same(complaints(await checkTestMessages(host(env))), [])
  t.notOk(existsSync(delivered))
})

t.test('a damaged program that exits 0 and loses mail is found', async (t) => {
  const checkLines = await checkTestMessages(host(eicar, { program: program(t, 'exit 0') }))
  t.match(checkLines, [
    { level: 'error', value: /mail would be lost/, remedy: /reinstall onescan/ },
  ])
})

t.test('a program that passes all mail on does not scan, and is found', async (t) => {
  const pass = program(t, 'eval "exec $QUEUECHAIN"')
  t.match(await checkTestMessages(host(eicar, { program: pass })), [
    { level: 'warning', value: /unscanned/ },
    { level: 'error', value: /accepted as clean/ },
  ])
})

t.test("the reason in the slot's log is reported", async (t) => {
  const [checkLine] = await checkTestMessages(host({ QHPSI: '/bin/sh -c "exit 7"' }))
  t.match(checkLine, { level: 'error', value: /^exits 71 .*exit code 7/ })
})

t.test('without a reason in the log, the usual meaning of the exit code is reported', async (t) => {
  const [checkLine] = await checkTestMessages(host(eicar, { program: program(t, 'exit 51') }))
  t.match(checkLine, { level: 'error', value: /^exits 51 \(out of memory\): mail is deferred$/ })
})

t.test('a program that crashes is reported', async (t) => {
  const [checkLine] = await checkTestMessages(host(eicar, { program: program(t, 'kill -SEGV $$') }))
  t.match(checkLine, { level: 'error', value: /crashes \(SIGSEGV\)/ })
})

t.test('the qmail-queue program runs under the limits of the service', async (t) => {
  const all = { as: 3_000_000, data: 3_000_000, stack: 3_000_000 }
  t.match(await checkTestMessages(host(eicar, { limits: all })), [
    {
      level: 'error',
      value: /with a limit of 3000000 bytes of memory: mail is deferred$/,
      remedy: /softlimit -a/,
    },
  ])
})

t.test('a service without node in its PATH is an error', async (t) => {
  const path = { ...eicar, PATH: '/nonexistent' }
  t.match(await checkTestMessages(host(path)), [
    { level: 'error', what: 'qmail, clean message', value: /^exits .*\bnode\b/ },
  ])
})

const onescanc = join(import.meta.dirname, '../../../../../build/native/onescanc')
const native = { skip: lacks('the client') }

t.test('onescanc itself reports that no onescand answers', native, async (t) => {
  const env = { ...eicar, ONESCAN_SOCKET: '/nonexistent/here.sock' }
  const [checkLine, ...others] = await checkTestMessages(host(env, { program: onescanc }))
  const { value = '', remedy = '' } = checkLine ?? {}
  t.match(checkLine, { level: 'warning', what: 'onescand' })
  t.match(
    value,
    /^onescand at \/nonexistent\/here\.sock: No such file or directory \(.*: mail is scanned by /,
  )
  t.equal(remedy, howToStart('onescand'))
  t.same(complaints(others), [])
})

/** The first check line where onescanc scans without onescand, for this reason. */
async function withoutOnescand(t: Test, reason: string) {
  const program = join(openDirectory(t), 'onescanc')
  const line = `onescan: decision=standalone reason="${reason}" total_ms=1.0`
  writeFileSync(
    program,
    `#!/bin/sh\necho "${line.replaceAll('"', '\\"')}" >&2\neval "exec $QUEUECHAIN"\n`,
  )
  chmodSync(program, 0o755)
  const [checkLine] = await checkTestMessages(host(eicar, { program }))
  return checkLine
}

t.test('a setting that differs from onescand is to be removed or repeated', native, async (t) => {
  for (const reason of [
    "STRICTMIME differs from the daemon's",
    "SCANTIMEOUT is longer than the daemon's",
  ]) {
    const [name] = reason.split(' ')
    t.match(await withoutOnescand(t, `onescand: ${reason}`), {
      level: 'warning',
      what: 'onescand',
      value: new RegExp(
        `^${reason} \\(.*\\): mail is scanned by a program started for each message$`,
      ),
      remedy: `remove ${name} from the rules of the service, or set the same value in /etc/default/onescand`,
    })
  }
})

t.test('an account without the group scans standalone, and that is reported', native, async (t) => {
  t.match(await withoutOnescand(t, 'onescand at /run/x: Permission denied'), {
    level: 'warning',
    value:
      /^onescand at \/run\/x: Permission denied .*: mail is scanned by a program started for each/,
    remedy: /^give the service the group of .*instead of setuidgid$/,
  })
})
