import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { lacks } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { makeMachine, ONESCAN } from '../../scanner/cli/check/machine.ts'
import { example } from '../example.ts'
import { freePort } from '../host/free-port.ts'
import { ownDirectoriesMissing } from '../host/own-directories.ts'
import { reachablePath } from '../host/reachable.ts'
import { ucspiMissing } from '../servers/ucspi.ts'

/**
 * qmail-run on run scripts as hosts have them, in the forms of the usual guides and distributions: under a real
 * supervise(8), with a real tcpserver(1).
 */

const skip = ownDirectoriesMissing || ucspiMissing || lacks('supervise', 'softlimit')

const SERVICE = '/etc/service/qmail-smtpd'
const NOFILES = 54_325
const VPOPMAIL = 54_326

/** Accounts in variables, as in most guides, and what the command reads from files. */
const VARIABLES = (account: string) => `#!/bin/sh
# The administrator's script: don't change "-g" here.
QMAILDUID=\`id -u ${account}\`
NOFILESGID=\`id -g ${account}\`
MAXSMTPD=\`cat /var/qmail/control/concurrencyincoming\`
LOCAL=\`head -1 /var/qmail/control/me\`
if [ -z "$QMAILDUID" -o -z "$NOFILESGID" -o -z "$MAXSMTPD" -o -z "$LOCAL" ]; then
  echo "a variable is empty"
  exit 1
fi
`
const SMTPD = '/var/qmail/bin/qmail-smtpd'

/** By name, a script for a port. */
const scripts: Readonly<Record<string, readonly [(port: number) => string]>> = {
  'Life with qmail': [
    (port) => `${VARIABLES('qmaild')}exec softlimit -m 20000000 \\
    tcpserver -v -R -l "$LOCAL" -x /etc/tcp.smtp.cdb -c "$MAXSMTPD" \\
        -u "$QMAILDUID" -g "$NOFILESGID" 127.0.0.1 ${port} ${SMTPD} 2>&1
`,
  ],
  'notqmail, with numbers and no limit': [
    (port) => `#!/bin/sh
exec tcpserver -v -R -l 0 -x /etc/tcp.smtp.cdb -u ${NOFILES} -g ${NOFILES} 127.0.0.1 ${port} ${SMTPD} 2>&1
`,
  ],
  'commands in the command, on one line': [
    (port) => `#!/bin/sh
exec softlimit -m3000000 tcpserver -v -R -l 0 -u"$(id -u qmaild)" -g"$(id -g qmaild)" 127.0.0.1 ${port} ${SMTPD} 2>&1
`,
  ],
  'a shell that waits for its tcpserver': [
    (port) => `#!/bin/bash
trap 'kill $!' TERM
softlimit -a 90000000 tcpserver -v -R -l 0 -u \`id -u qmaild\` -g \`id -g qmaild\` 127.0.0.1 ${port} ${SMTPD} 2>&1 &
wait
`,
  ],
}

/** A machine whose SMTP service has this script and runs, and a shell of root's there. */
async function serviceMachine(t: Test, script: (port: number) => string) {
  const machine = makeMachine(t)
  const { at, write, around } = machine
  const add = (file: string, line: string) =>
    write(file, `${readFileSync(at(file), 'latin1')}${line}\n`)
  add('/etc/group', `nofiles:x:${NOFILES}:\nvchkpw:x:${VPOPMAIL}:`)
  add('/etc/passwd', `qmaild:x:${NOFILES}:${NOFILES}::/:/bin/false`)
  add('/etc/passwd', `vpopmail:x:${VPOPMAIL}:${VPOPMAIL}::/:/bin/false`)
  write('/var/qmail/control/concurrencyincoming', '20\n')
  write('/var/qmail/control/me', 'mail.example.org\n')
  write('/var/qmail/bin/qmail-smtpd', '#!/bin/sh\necho 220 mail.example.org\n', 0o755)
  const port = await freePort()
  const text = script(port)
  write(`${SERVICE}/run`, text, 0o755)
  const env = { PATH: reachablePath() }
  const type = (script: string, input = '') => {
    const [command = '', ...words] = around(['/bin/sh', '-c', `exec 2>&1\n${script}`])
    const { status, stdout } = spawnSync(command, words, { encoding: 'utf8', env, input })
    return { code: status, output: stdout }
  }
  type('echo :allow | tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp')
  const [command = '', ...words] = around(['supervise', SERVICE])
  const service = spawn(command, words, { env, stdio: 'ignore' })
  t.teardown(async () => {
    const ended = once(service, 'exit')
    type(`svc -dx ${SERVICE}`)
    await ended
  })
  /** Whether the service greets a client. */
  const greets = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('data', (data) => resolve(/^220 /.test(data.toString()) && !!socket.destroy()))
      socket.on('error', () => resolve(false)).on('close', () => resolve(false))
    })
  await until(greets, 'the service greets')
  const run = (words: string, input = '') =>
    type(`set -- ${words} ${SERVICE}\n${example('qmail/qmail-run')}`, input)
  return {
    ...{ at, type, run, greets, text },
    read: () => readFileSync(at(`${SERVICE}/run`), 'utf8'),
    /** Copies that are left of the script. */
    copies: () => readdirSync(at(SERVICE)).filter((name) => name.startsWith('run.')),
    /** Limits and groups of the tcpserver that listens. */
    running: () =>
      type(
        `for exe in /proc/[0-9]*/exe; do test "$(readlink $exe)" = "$(command -v tcpserver)" && tr '\\0' ' ' <\${exe%exe}cmdline | grep -q ' ${port} ' &&
          cat \${exe%exe}limits \${exe%exe}status; done`,
      ).output,
  }
}

for (const [name, [script]] of Object.entries(scripts)) {
  t.test(`qmail-run changes a script as in ${name}`, { skip }, async (t) => {
    const host = await serviceMachine(t, script)
    const dry = host.run('--dry-run')
    t.equal(dry.code, 0, dry.output)
    t.match(dry.output, /^\+.*\$\(id -g onescan\)/m)
    t.equal(host.read(), host.text)

    const { code, output } = host.run('', 'y\n')
    t.equal(code, 0, output)
    t.match(output, /^qmail-run: change .*\? \[y\/N\] /m)
    t.match(output, /^qmail-run: done; .* runs with the group onescan; the original is saved as /m)
    t.ok(await host.greets())
    const running = host.running()
    t.match(running, new RegExp(`^Gid:\\s+${ONESCAN}\\s`, 'm'))
    t.match(running, /^Max address space +(?:4000000000|unlimited) /m)
    const changed = host.read().split('\n')
    const lines = host.text.split('\n')
    t.ok(changed.filter((line, at) => line !== lines[at]).length <= 2, 'the rest is as it was')
    const [copy = '', ...more] = host.copies()
    t.same(more, [])
    t.equal(readFileSync(host.at(`${SERVICE}/${copy}`), 'utf8'), host.text)
    t.match(host.run(''), { code: 0, output: /^qmail-run: already configured; nothing to do$/m })
  })
}

const LIFE = scripts['Life with qmail']![0]

t.test('qmail-run leaves a service to which setpriv gives both groups', { skip }, async (t) => {
  const host = await serviceMachine(
    t,
    (port) => `#!/bin/sh
exec softlimit -a 4000000000 \\
  tcpserver -v -R -l 0 -x /etc/tcp.smtp.cdb 127.0.0.1 ${port} \\
    setpriv --reuid=vpopmail --regid=vchkpw --groups=onescan \\
    ${SMTPD} 2>&1
`,
  )
  t.match(host.run(''), { code: 0, output: /^qmail-run: already configured; nothing to do$/m })
})

t.test('qmail-run changes nothing that was not confirmed', { skip }, async (t) => {
  const host = await serviceMachine(t, LIFE)
  for (const answer of ['n\n', '\n', '', 'sh /usr/share/onescan/examples/qmail/qmail-rules\n']) {
    const { code, output } = host.run('', answer)
    t.equal(code, 1)
    t.match(output, /^qmail-run: not confirmed; nothing was changed$/m)
    t.equal(host.read(), host.text)
  }
  t.same(host.copies(), [])
})

/** Scripts that the change breaks, or that do not get what they need by it. */
const refused: Readonly<Record<string, readonly [(port: number) => string, RegExp]>> = {
  'qmailrocks, with vpopmail': [
    (port) => `${VARIABLES('vpopmail')}export RELAYCLIENT
exec softlimit -m 30000000 \\
  tcpserver -v -R -H -l 0 -x /etc/tcp.smtp.cdb -c "$MAXSMTPD" \\
  -u "$QMAILDUID" -g "$NOFILESGID" 127.0.0.1 ${port} \\
  ${SMTPD} /home/vpopmail/bin/vchkpw /bin/true 2>&1
`,
    /has the group vchkpw, which it would lose.* setpriv --reuid=vpopmail --regid=vchkpw --groups=onescan .*; nothing was changed$/m,
  ],
  'QmailToaster, with programs in variables': [
    (port) => `${VARIABLES('vpopmail')}SMTPD="${SMTPD}"
TCP_CDB="/etc/tcp.smtp.cdb"
SOFTLIMIT=256000000
exec softlimit -m "$SOFTLIMIT" \\
     tcpserver -v -R -H -l $LOCAL -x $TCP_CDB -c "$MAXSMTPD" \\
     -u "$QMAILDUID" -g "$NOFILESGID" 127.0.0.1 ${port} \\
     env SPAMDYKE=1 $SMTPD /home/vpopmail/bin/vchkpw /bin/true 2>&1
`,
    /has the group vchkpw, which it would lose.* setpriv --reuid=vpopmail --regid=vchkpw --groups=onescan .*; nothing was changed$/m,
  ],
  'a script with commands in commands': [
    (port) => `#!/bin/sh
exec tcpserver -v -R -l 0 -u ${NOFILES} -g $(id -g $(echo qmaild)) 127.0.0.1 ${port} ${SMTPD}\n`,
    /no longer be a script for sh; nothing was changed$/m,
  ],
  'a script that refuses to run changed': [
    (port) => `#!/bin/sh
grep -q '[o]nescan)' run && exit 1
exec tcpserver -v -R -l 0 -u ${NOFILES} -g ${NOFILES} 127.0.0.1 ${port} ${SMTPD}\n`,
    /failed: it does not stay up [\s\S]*^qmail-run: the old script was restored, and .* runs; nothing was changed$/m,
  ],
  'a limit of the shell': [
    (port) => `#!/bin/sh
ulimit -v 100000
exec tcpserver -v -R -l 0 -u ${NOFILES} -g ${NOFILES} 127.0.0.1 ${port} ${SMTPD}\n`,
    /failed: the address space of its tcpserver is limited to 102400000 bytes$/m,
  ],
  'a group in the environment': [
    (port) => `#!/bin/sh
exec env UID=${NOFILES} GID=${NOFILES} tcpserver -v -R -l 0 -U 127.0.0.1 ${port} ${SMTPD}\n`,
    /its tcpserver does not have the group onescan; change its run script/,
  ],
  'a script that is not for sh': [
    (port) => `#!/usr/bin/perl
exec 'tcpserver', '-R', '-l', '0', '127.0.0.1', '${port}', '${SMTPD}'\n`,
    /is not a script for sh or bash; give its tcpserver the group onescan/,
  ],
}

for (const [name, [script, why]] of Object.entries(refused)) {
  t.test(`qmail-run keeps ${name}, and the service runs`, { skip }, async (t) => {
    const host = await serviceMachine(t, script)
    const { code, output } = host.run('--yes')
    t.equal(code, 1)
    t.match(output, why)
    t.equal(host.read(), host.text)
    t.same(host.copies(), [])
    await until(host.greets, 'the service greets again')
  })
}

t.test('qmail-run tries a change only where a service runs', { skip }, async (t) => {
  const host = await serviceMachine(t, LIFE)
  host.type(`svc -d ${SERVICE}`)
  await until(async () => !(await host.greets()), 'the service is down')
  const { code, output } = host.run('--yes')
  t.equal(code, 1)
  t.match(output, /runs no tcpserver under supervise, .* down .*; nothing was changed$/m)
  t.equal(host.read(), host.text)
})
