import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newest, startOnescand } from '../../../doors/daemon/process.ts'
import { freePort } from '../../../programs/free-port.ts'
import { findProgram } from '../../../programs/install.mjs'
import { ownDirectoriesMissing } from '../../../programs/own-directories.ts'
import { reachable, reachablePath } from '../../../programs/reachable.ts'
import { sendmailCf } from '../../../programs/sendmail.ts'
import { ucspiMissing } from '../../../programs/ucspi.ts'
import { sendmailRoot } from '../../../programs/unpack.mjs'
import { slotProgram } from '../../onescan.ts'
import {
  checkOn,
  directoryOfOnescand,
  judgeLines,
  linesOn,
  makeMachine,
  ONESCAN,
  type Machine as OwnMachine,
  putPostfix,
  putSendmail,
  putSocket,
  SENDMAIL,
} from '../machine.ts'

/**
 * Hosts with various mail servers. `onescan check` without options finds the servers, has the expected
 * findings, and complains of nothing else.
 */

const skip =
  ownDirectoriesMissing ||
  ucspiMissing ||
  (!findProgram('postconf') && 'install Debian package postfix') ||
  (!findProgram('m4') && 'install Debian package m4') ||
  (!existsSync(sendmailRoot) && 'unpack Sendmail: node test/programs/install.mjs')

interface Machine extends OwnMachine {
  /** The address of onescand --milter, `unix:/PATH`, and the same in the form of Sendmail. */
  readonly milter: string
  readonly socket: string
  /** The address of a port at which nobody listens. */
  readonly nobody: string
}

interface SetUp {
  readonly name: string
  readonly prepare: (machine: Machine) => void
  /** Whether the service /etc/service/smtpd runs, which writes to its FIFO `ready` when it listens. */
  readonly isServed?: true
  readonly expect: readonly RegExp[]
}

const SERVED = `
supervise /etc/service/smtpd >/dev/null 2>&1 &
read port </etc/service/smtpd/ready
"$@"
svc -dx /etc/service/smtpd
`

const aroundService =
  ({ around }: Machine): Machine['around'] =>
  (program) =>
    around(['/bin/sh', '-c', SERVED, 'sh', ...program])

const filter = (socket: string, terms: string) => {
  return `INPUT_MAIL_FILTER(\`onescan', \`S=${socket}${terms}')dnl`
}
const GOOD = ', F=T, T=S:30s;R:30s;E:5m'
const goodPostfix = ({ milter }: Machine) => [
  `smtpd_milters = ${milter}`,
  'non_smtpd_milters = $smtpd_milters',
]

/** Settings of onescand with a keyring, which the running onescand does not have yet. */
function putKeys({ write, at }: Machine, line: string): void {
  write('/etc/default/onescand', `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\n${line}\n`)
  const ring = '/etc/onescan/keys/ring'
  write(ring, `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`, 0o640)
  chownSync(at(ring), 0, ONESCAN)
}

const KEYS_ARE_NEW = /^warning onescand \d+: runs without CLUSTERKEYS=.*; restart it/

/** The onescand of these machines has one door, whatever their file says. */
const NOT_RESTARTED = /^warning onescand \d+: runs without "--smtp .*; restart it/

/** Nothing listens where its mail would go. */
const NO_NEXT = /^error next server inet:127\.0\.0\.1:10026 \[onescand\]: connect ECONNREFUSED/

const setUps: readonly SetUp[] = [
  // Sendmail
  {
    name: 'Sendmail is well',
    prepare: (machine) => putSendmail(machine, filter(machine.socket, GOOD)),
    expect: [/^ok filter onescan: refuses EICAR: 550/, /^ok F= of onescan: T: mail is deferred/],
  },
  {
    name: 'the directory of sendmail.cf belongs to an account, as on Debian',
    prepare(machine) {
      putSendmail(machine, filter(machine.socket, GOOD))
      chownSync(machine.at('/etc/mail'), ONESCAN, ONESCAN)
      const options = `--milter ${machine.milter}`
      machine.write(
        '/etc/default/onescand',
        `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nONESCAND_OPTIONS="${options}"\n`,
      )
    },
    expect: [/^ok filter onescan: refuses EICAR: 550/, /^ok F= of onescan: T: mail is deferred/],
  },
  {
    name: 'Sendmail has no filter',
    prepare: (machine) => putSendmail(machine),
    expect: [/^error \/etc\/mail\/sendmail\.cf: no filter of onescan.*; put INPUT_MAIL_FILTER/],
  },
  {
    name: 'sendmail.mc names a filter, and sendmail.cf is older',
    prepare(machine) {
      putSendmail(machine)
      machine.write('/etc/mail/sendmail.mc', `${filter(machine.socket, GOOD)}\n`)
    },
    expect: [/^error \/etc\/mail\/sendmail\.cf: .*sendmail\.mc names one; rebuild it/],
  },
  {
    name: 'Sendmail has another filter alone',
    prepare(machine) {
      putSendmail(machine, "INPUT_MAIL_FILTER(`other', `S=local:/nonexistent/socket, F=T')dnl")
    },
    expect: [/^error filter other: \/nonexistent\/socket does not exist: Sendmail defers mail; /],
  },
  {
    name: 'nobody listens where Sendmail asks',
    prepare: (machine) => putSendmail(machine, filter(machine.nobody, GOOD)),
    expect: [/^error filter onescan: .*ECONNREFUSED.*: Sendmail defers mail; start/],
  },
  {
    name: 'nobody listens where Sendmail asks, and it does not mind',
    prepare: (machine) => putSendmail(machine, filter(machine.nobody, '')),
    expect: [/^error filter onescan: .*: Sendmail accepts mail unscanned; start/],
  },
  {
    name: 'Sendmail lets mail in while onescand is down, and gives up early',
    prepare: (machine) => putSendmail(machine, filter(machine.socket, ', T=S:30s;R:30s;E:1m')),
    expect: [
      /^error F= of onescan: is not set: mail gets in unscanned.*; set F=T/,
      /^warning T=E: of onescan: 60 s: Sendmail gives up before a scan.*; set E:5m/,
      /^ok filter onescan: refuses EICAR/,
    ],
  },
  {
    name: 'Sendmail refuses mail while onescand is down',
    prepare: (machine) => putSendmail(machine, filter(machine.socket, ', F=R, T=E:5m')),
    expect: [/^warning F= of onescan: R: mail is refused for good.*; set F=T/],
  },
  {
    name: 'the socket in sendmail.cf is none',
    prepare: (machine) => putSendmail(machine, filter('8890', GOOD)),
    expect: [
      /^warning filter onescan: S=8890 is not understood/,
      /^error \/etc\/mail\/sendmail\.cf: no filter of onescan/,
    ],
  },
  {
    name: 'Sendmail on a host with keys is told what its folding costs',
    prepare(machine) {
      putSendmail(machine, filter(machine.socket, GOOD))
      putKeys(machine, 'CLUSTERKEYS="/etc/onescan/keys/ring"')
    },
    expect: [/^ok stamps: Sendmail folds long lists of addresses/, KEYS_ARE_NEW],
  },
  // Postfix
  {
    name: 'Postfix hands its mail to onescand by SMTP, after its queue',
    prepare(machine) {
      putPostfix(machine, ['content_filter = scan:[127.0.0.1]:10025'])
      machine.write('/etc/postfix/master.cf', 'scan unix - - n - 10 smtp\n')
      const options = '--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026'
      machine.write(
        '/etc/default/onescand',
        `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nONESCAND_OPTIONS="${options}"\n`,
      )
    },
    expect: [
      /^ok content_filter: hands mail to inet:127\.0\.0\.1:10025, where onescand listens/,
      NOT_RESTARTED,
      NO_NEXT,
    ],
  },
  {
    name: 'Postfix gives up mail after its queue before a scan ends',
    prepare(machine) {
      putPostfix(machine, ['content_filter = scan:[127.0.0.1]:10025'])
      const slow = 'scan unix - - n - 10 smtp\n  -o smtp_data_done_timeout=10m\n'
      machine.write('/etc/postfix/master.cf', slow)
      const options = '--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026'
      machine.write(
        '/etc/default/onescand',
        `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nSCANTIMEOUT="700"\nONESCAND_OPTIONS="${options}"\n`,
      )
    },
    expect: [
      /^ok content_filter: hands mail to inet:127\.0\.0\.1:10025, where onescand listens/,
      /^warning scan\/unix\/smtp_data_done_timeout: 10m: Postfix gives up before a scan does \(SCANTIMEOUT, 700 s\); postconf -P scan\/unix\/smtp_data_done_timeout=1400s && postfix reload/,
      /^warning onescand \d+: runs without SCANTIMEOUT="700"/,
      NOT_RESTARTED,
      NO_NEXT,
    ],
  },
  {
    name: 'Postfix hands its mail to onescand by SMTP, before its queue',
    prepare(machine) {
      putPostfix(machine, [])
      machine.write(
        '/etc/postfix/master.cf',
        `smtp inet n - n - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:10025\n  -o smtpd_proxy_timeout=900s\n`,
      )
      const options = '--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026'
      machine.write(
        '/etc/default/onescand',
        `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nONESCAND_OPTIONS="${options}"\n`,
      )
    },
    expect: [
      /^ok smtp\/inet\/smtpd_proxy_filter: hands mail to inet:127\.0\.0\.1:10025, where/,
      NOT_RESTARTED,
      NO_NEXT,
    ],
  },
  {
    name: 'Postfix gives up mail before its queue before a scan ends',
    prepare(machine) {
      putPostfix(machine, [])
      machine.write(
        '/etc/postfix/master.cf',
        'smtp inet n - n - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:10025\n',
      )
      const options = '--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026'
      machine.write(
        '/etc/default/onescand',
        `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nONESCAND_OPTIONS="${options}"\n`,
      )
    },
    expect: [
      /^ok smtp\/inet\/smtpd_proxy_filter: hands mail to inet:127\.0\.0\.1:10025, where/,
      /^warning smtp\/inet\/smtpd_proxy_timeout: 100s: Postfix gives up before a scan does \(SCANTIMEOUT, 150 s\); postconf -P smtp\/inet\/smtpd_proxy_timeout=900s && postfix reload/,
      NOT_RESTARTED,
      NO_NEXT,
    ],
  },
  {
    name: 'Postfix on a host with keys folds long lines',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      putKeys(machine, "CLUSTERKEYS='/etc/onescan/keys/ring'")
    },
    expect: [
      /^warning smtp_line_length_limit: 998: .*breaks its stamp; postconf -e smtp_line_l.*=0/,
      KEYS_ARE_NEW,
    ],
  },
  {
    name: 'Postfix on a host with keys leaves them whole',
    prepare(machine) {
      putPostfix(machine, [...goodPostfix(machine), 'smtp_line_length_limit = 0'])
      putKeys(machine, 'CLUSTERKEYS=/etc/onescan/keys/ring')
    },
    expect: [/^ok milter unix:/, KEYS_ARE_NEW],
  },
  {
    name: 'Postfix is well, and onescan is switched off',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      machine.write('/etc/onescan/onescan.off', '')
    },
    expect: [/^warning switch: \/etc\/onescan\/onescan\.off is there: .*; run "onescan enable"/],
  },
  // Several
  {
    name: 'Postfix and Sendmail, both well',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      putSendmail(machine, filter(machine.socket, GOOD))
    },
    expect: [
      /^ok milter unix:.* \[Postfix\]: refuses EICAR/,
      /^ok filter onescan \[Sendmail\]: refuses EICAR/,
    ],
  },
  {
    name: 'Postfix is well, and Sendmail beside it scans nothing',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      putSendmail(machine)
    },
    expect: [
      /^ok milter unix:.* \[Postfix\]: refuses EICAR/,
      /^error \/etc\/mail\/sendmail\.cf \[Sendmail\]: no filter of onescan/,
    ],
  },
  {
    name: 'Postfix is well, and a Sendmail that was removed has left its settings',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      machine.write(SENDMAIL, sendmailCf(machine.directory, ''))
    },
    expect: [/^ok milter unix:\S+: refuses EICAR/],
  },
  {
    name: 'qmail, where nothing scans, and Postfix, which is well',
    prepare(machine) {
      machine.write('/var/qmail/control/me', 'mail.example.org\n')
      putPostfix(machine, goodPostfix(machine))
    },
    expect: [
      /^ok milter unix:.* \[Postfix\]: refuses EICAR/,
      /^error QHPSI \[qmail\]: is not set here/,
      /^error chain \[qmail\]: .*qmail-queue/,
    ],
  },
  {
    name: 'qmail is well by its service that runs, and its tcp.smtp',
    prepare({ write, at }) {
      write('/var/qmail/bin/qmail-queue', readFileSync('/bin/false'))
      chmodSync(at('/var/qmail/bin/qmail-queue'), 0o4755)
      write('/var/qmail/control/me', 'mail.example.org\n')
      const serves = 'setuidgid onescan tcpserver -1 -x cdb 127.0.0.1 0 qmail-smtpd'
      const path = reachablePath()
      const lines = ['#!/bin/sh', `export PATH=${path}`, `exec ${serves} >ready`, '']
      write('/etc/service/smtpd/run', lines.join('\n'), 0o755)
      const directory = at('/etc/service/smtpd')
      const rule = `:allow,QMAILQUEUE="${reachable(slotProgram)}",QHPSI="plugin: eicar"\n`
      execFileSync('tcprules', [`${directory}/cdb`, `${directory}/tmp`], { input: rule })
      execFileSync('mkfifo', [`${directory}/ready`])
    },
    isServed: true,
    expect: [
      /^ok process \d+: tcpserver -1 -x cdb 127\.0\.0\.1 0 qmail-smtpd/,
      /^ok slot, EICAR: is found/,
      /^ok slot, clean message: scanned and handed on/,
    ],
  },
  // None
  {
    name: 'no mail server at all is looked at as a slot',
    prepare() {},
    expect: [/^error QHPSI: is not set here/, /^error chain: .*qmail-queue/],
  },
]

t.test('hosts by their mail servers', { skip }, async (t) => {
  const place = join(directoryOfOnescand(t), 'milter.sock')
  const [program, ...words] = newest.map(reachable)
  const daemon = startOnescand(t, {
    program: [program!, ...words],
    args: ['--milter', `unix:${place}`, '--mode', '0666'],
    settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
    uid: ONESCAN,
  })
  await daemon.logged(/serving/)
  const nobody = `inet:${await freePort()}@127.0.0.1`

  const only = process.env.SETUP
  for (const { name, prepare, isServed = false, expect } of setUps) {
    if (only !== undefined && !name.includes(only)) continue
    t.test(name, async (t) => {
      const bare = machineOf(t, place, nobody)
      putSocket(bare, daemon.socket)
      prepare(bare)
      const machine = isServed ? { ...bare, around: aroundService(bare) } : bare
      judgeLines(t, await linesOn(machine), expect)
    })
  }

  t.test('the remedy for a misspelt socket, of Postfix or Sendmail, is one', async (t) => {
    const misspelt = 'unix:/nonexistent/onescan/milterr.sock'
    const machine = machineOf(t, place, nobody)
    putSocket(machine, daemon.socket)
    const settings = `QHPSI="plugin: eicar"\nREJECTVIRUS="1"\nONESCAND_OPTIONS="--milter ${machine.milter}"\n`
    machine.write('/etc/default/onescand', settings)
    putPostfix(machine, goodPostfix({ ...machine, milter: misspelt }))
    const [wrong = ''] = (await linesOn(machine)).filter((line) => line.startsWith('error'))
    t.match(
      wrong,
      /^error milter unix:\/nonexistent\/\S+: .* does not exist: Postfix defers all mail/,
    )
    const [, main] = /postconf -e '(smtpd_milters = [^']*)' && postfix reload$/.exec(wrong) ?? []
    t.ok(main, wrong)
    putPostfix(machine, [main!, 'non_smtpd_milters = $smtpd_milters'])
    judgeLines(t, await linesOn(machine), [/^ok milter unix:.*: refuses EICAR/])

    const other = machineOf(t, place, nobody)
    putSocket(other, daemon.socket)
    other.write('/etc/default/onescand', settings)
    putSendmail(other, filter('local:/nonexistent/onescan/milterr.sock', GOOD))
    const [ofSendmail = ''] = (await linesOn(other)).filter((line) => line.startsWith('error'))
    const [, socket] = /name S=(\S+) in sendmail\.mc, and make/.exec(ofSendmail) ?? []
    t.ok(socket, ofSendmail)
    putSendmail(other, filter(socket!, GOOD))
    judgeLines(t, await linesOn(other), [/^ok filter onescan: refuses EICAR/])
  })

  t.test('the remedy for a Sendmail without a filter is its line in sendmail.mc', async (t) => {
    const machine = machineOf(t, place, nobody)
    putSocket(machine, daemon.socket)
    putSendmail(machine)
    const [wrong = ''] = (await linesOn(machine)).filter((line) => line.startsWith('error'))
    const [, line] =
      /; put (INPUT_MAIL_FILTER\(.*\)dnl) into \S+sendmail\.mc, and rebuild/.exec(wrong) ?? []
    t.ok(line, wrong)
    putSendmail(machine, line)
    judgeLines(t, await linesOn(machine), [/^ok filter onescan: refuses EICAR/])
  })

  t.test('an option about the slot, or about a server, restricts the check to that', async (t) => {
    const machine = machineOf(t, place, nobody)
    putSocket(machine, daemon.socket)
    putSendmail(machine)
    putPostfix(machine, goodPostfix(machine))
    t.notMatch(await checkOn(machine, '--env', 'QHPSI=plugin: eicar'), /milter|sendmail/)
    const ofPostfix = await checkOn(machine, '--postfix')
    t.match(
      ofPostfix,
      /^as the account onescan says:\nok [\s\S]*does not run: no mail moves; postfix start\n1 error\n$/,
    )
    t.match(await checkOn(machine, '--sendmail'), /^as the account onescan says:\nerror /)
    t.match(await checkOn(machine), /^as the account onescan says:\nok [\s\S]*2 errors\n/)
  })
})

function machineOf(t: Test, place: string, nobody: string): Machine {
  return { ...makeMachine(t), milter: `unix:${place}`, socket: `local:${place}`, nobody }
}
