import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkErrorFd } from '../../../../src/cli/check/slot/error-fd.ts'
import { host } from '../shared/host.ts'

/**
 * A qmail-smtpd that calls QMAILQUEUE as qmail.c does, with the error pipe on `fd` and the exit code
 * that announces a text. With fd 0 it has no error pipe.
 */
function qmailHome(t: Test, fd: number, code: number): string {
  const home = t.testdir({ bin: {} })
  const smtpd = join(home, 'bin/qmail-smtpd')
  const redirect = fd > 2 ? `${fd}>"$dir/text"` : fd === 2 ? '2>"$dir/text"' : ''
  writeFileSync(
    smtpd,
    `#!/bin/sh
dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT
: >"$dir/text"
printf '220 stand-in ESMTP\\r\\n'
while read -r line; do
  case $line in
  EHLO*|MAIL*|RCPT*) printf '250 ok\\r\\n' ;;
  DATA*)
    printf '354 go ahead\\r\\n'
    while read -r text; do case $text in .*) break ;; esac; done
    printf 'Subject: a\\n\\n' >"$dir/message"
    printf 'F\\0Ta@b\\0\\0' >"$dir/envelope"
    "$QMAILQUEUE" <"$dir/message" 1<"$dir/envelope" ${redirect}
    if [ $? = ${code} ] && [ -s "$dir/text" ]; then printf '451 %s\\r\\n' "$(cut -c2- "$dir/text")"
    else printf '451 qq temporary problem (#4.3.0)\\r\\n'; fi ;;
  QUIT*) printf '221 bye\\r\\n'; exit ;;
  esac
done
`,
  )
  chmodSync(smtpd, 0o755)
  return home
}

async function finding(home: string, env: Record<string, string> = {}) {
  const [first, ...more] = await checkErrorFd(host({ QMAILHOME: home, ...env }))
  t.same(more, [])
  return first
}

t.test('the descriptor that this qmail-smtpd reads is right', async (t) => {
  const home = qmailHome(t, 6, 82)
  t.match(await finding(home, { ERROR_FD: '6' }), { level: 'ok', value: /^6 with exit code 82/ })
  t.match(await finding(home), { level: 'ok', value: /to have that, set ERROR_FD=6 ERROR_EXIT=82/ })
})

t.test('with another descriptor or code mail is deferred that should be refused', async (t) => {
  const home = qmailHome(t, 6, 82)
  for (const env of [{ ERROR_FD: '4' }, { ERROR_FD: '6', ERROR_EXIT: '88' }, { ERROR_FD: '2' }]) {
    t.match(await finding(home, env), {
      level: 'error',
      value: /tried again/,
      remedy: 'set ERROR_FD=6 ERROR_EXIT=82',
    })
  }
})

t.test("IndiMail's qmail-smtpd reads fd 2", async (t) => {
  const home = qmailHome(t, 2, 88)
  t.match(await finding(home, { ERROR_FD: '2' }), { level: 'ok', value: /^2 with exit code 88/ })
})

t.test('a qmail-smtpd that reads no descriptor gets no text', async (t) => {
  const home = qmailHome(t, 0, 0)
  t.match(await finding(home), { level: 'ok', value: /takes no text/ })
  t.match(await finding(home, { ERROR_FD: '6' }), { level: 'error', remedy: 'unset ERROR_FD' })
})

t.test('without a qmail-smtpd the finding says how to find out', async (t) => {
  t.match(await finding('/nonexistent', { ERROR_FD: '6' }), {
    level: 'warning',
    remedy: /send EICAR by SMTP/,
  })
  t.equal((await finding('/nonexistent'))?.level, 'ok')
  t.match(await finding('/nonexistent', { ERROR_FD: 'six' }), {
    level: 'error',
    value: /ERROR_FD six/,
  })
})

t.test('a qmail-smtpd that would queue the trial is never run', async (t) => {
  const home = t.testdir({})
  mkdirSync(join(home, 'bin'))
  const ran = join(home, 'ran')
  writeFileSync(join(home, 'bin/qmail-smtpd'), `#!/bin/sh\n: >'${ran}'\n`, { mode: 0o755 })
  t.match(await finding(home), { value: /cannot be tried/ })
  t.notOk(existsSync(ran))
})

const real = '/var/qmail/bin/qmail-smtpd'

if (existsSync(real)) {
  t.test('the real qmail-smtpd of this host is understood', async (t) => {
    t.match(await finding('/var/qmail'), { level: 'ok', value: /set ERROR_FD=|takes no text/ })
  })
}
