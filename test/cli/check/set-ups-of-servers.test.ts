import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import type { Finding } from '../../../src/cli/check/shared/finding.ts'
import { startOnescand } from '../../doors/daemon/process.ts'
import { freePort } from '../../programs/free-port.ts'
import { findProgram } from '../../programs/install.mjs'
import {
  makeOwnDirectories,
  type OwnDirectories,
  ownDirectoriesMissing,
} from '../../programs/own-directories.ts'
import { sendmailCf } from '../../programs/sendmail.ts'
import { sendmailRoot } from '../../programs/unpack.mjs'
import { bundle, jsonIn, searchPath } from '../onescan.ts'

/**
 * Hosts by the mail servers that they have, as `onescan check` without any word finds them:
 * what it must say, and that it complains of nothing else.
 */

const skip =
  ownDirectoriesMissing ||
  (!findProgram('postconf') && 'install Debian package postfix') ||
  (!findProgram('m4') && 'install Debian package m4') ||
  (!existsSync(sendmailRoot) && 'unpack Sendmail: node test/programs/install.mjs')

interface Machine extends OwnDirectories {
  /** Where onescand --milter listens, `inet:127.0.0.1:PORT`, and the same in Sendmail's words. */
  readonly milter: string
  readonly socket: string
  /** The same of a port where nobody listens. */
  readonly nobody: string
  write(path: string, text: string | Buffer): void
}

interface SetUp {
  readonly name: string
  readonly prepare: (machine: Machine) => void
  readonly expect: readonly RegExp[]
}

const SENDMAIL = '/etc/mail/sendmail.cf'

/** What sendmail.mc's own macros make of the line. */
function sendmail(machine: Machine, filters = ''): void {
  machine.write(SENDMAIL, sendmailCf(machine.directory, filters))
  machine.write('/usr/libexec/sendmail/sendmail', '')
}

function postfix({ write }: Machine, lines: readonly string[]): void {
  write('/etc/postfix/main.cf', ['compatibility_level = 3.6', ...lines, ''].join('\n'))
  write('/etc/postfix/master.cf', 'smtp inet n - n - - smtpd\n')
}

const filter = (socket: string, terms: string) => {
  return `INPUT_MAIL_FILTER(\`onescan', \`S=${socket}${terms}')dnl`
}
/** No account of the slot is known here. */
const AS_ROOT = /^error trials( \[qmail\])?: the slot would run as root/
const GOOD = ', F=T, T=S:30s;R:30s;E:5m'
const goodPostfix = ({ milter }: Machine) => [
  `smtpd_milters = ${milter}`,
  'non_smtpd_milters = $smtpd_milters',
]

const setUps: readonly SetUp[] = [
  // Sendmail
  {
    name: 'Sendmail is well',
    prepare: (machine) => sendmail(machine, filter(machine.socket, GOOD)),
    expect: [/^ok filter onescan: refuses EICAR: 550/, /^ok F= of onescan: T: mail is deferred/],
  },
  {
    name: 'Sendmail has no filter',
    prepare: (machine) => sendmail(machine),
    expect: [/^error \/etc\/mail\/sendmail\.cf: no filter of onescan.*; put INPUT_MAIL_FILTER/],
  },
  {
    name: 'sendmail.mc names a filter, and sendmail.cf is older',
    prepare(machine) {
      sendmail(machine)
      machine.write('/etc/mail/sendmail.mc', `${filter(machine.socket, GOOD)}\n`)
    },
    expect: [/^error \/etc\/mail\/sendmail\.cf: .*sendmail\.mc names one; rebuild it/],
  },
  {
    name: 'Sendmail has another filter alone',
    prepare(machine) {
      sendmail(machine, "INPUT_MAIL_FILTER(`other', `S=local:/nonexistent/socket, F=T')dnl")
    },
    expect: [/^error filter other: \/nonexistent\/socket does not exist: Sendmail defers mail; /],
  },
  {
    name: 'nobody listens where Sendmail asks',
    prepare: (machine) => sendmail(machine, filter(machine.nobody, GOOD)),
    expect: [/^error filter onescan: .*ECONNREFUSED.*: Sendmail defers mail; start/],
  },
  {
    name: 'nobody listens where Sendmail asks, and it does not mind',
    prepare: (machine) => sendmail(machine, filter(machine.nobody, '')),
    expect: [/^error filter onescan: .*: Sendmail accepts mail unscanned; start/],
  },
  {
    name: 'Sendmail lets mail in while onescand is down, and gives up early',
    prepare: (machine) => sendmail(machine, filter(machine.socket, ', T=S:30s;R:30s;E:1m')),
    expect: [
      /^error F= of onescan: is not set: mail gets in unscanned.*; set F=T/,
      /^warning T=E: of onescan: 60 s: Sendmail gives up before a scan.*; set E:5m/,
      /^ok filter onescan: refuses EICAR/,
    ],
  },
  {
    name: 'Sendmail refuses mail while onescand is down',
    prepare: (machine) => sendmail(machine, filter(machine.socket, ', F=R, T=E:5m')),
    expect: [/^warning F= of onescan: R: mail is refused for good.*; set F=T/],
  },
  {
    name: 'the socket in sendmail.cf is none',
    prepare: (machine) => sendmail(machine, filter('8890', GOOD)),
    expect: [
      /^warning filter onescan: S=8890 is not understood/,
      /^error \/etc\/mail\/sendmail\.cf: no filter of onescan/,
    ],
  },
  {
    name: 'Sendmail on a host with keys is told what its folding costs',
    prepare(machine) {
      sendmail(machine, filter(machine.socket, GOOD))
      machine.write('/etc/default/onescand', 'CLUSTERKEYS="/etc/onescan/keys/ring"\n')
    },
    expect: [/^ok stamps: Sendmail folds long lists of addresses/],
  },
  // Postfix
  {
    name: 'Postfix is well',
    prepare: (machine) => postfix(machine, goodPostfix(machine)),
    expect: [/^ok milter inet:.*: refuses EICAR/, /^ok non_smtpd_milters: /],
  },
  {
    name: 'Postfix on a host with keys folds long lines',
    prepare(machine) {
      postfix(machine, goodPostfix(machine))
      machine.write('/etc/default/onescand', "CLUSTERKEYS='/etc/onescan/keys/ring'\n")
    },
    expect: [
      /^warning smtp_line_length_limit: 998: .*breaks its stamp; postconf -e smtp_line_l.*=0/,
    ],
  },
  {
    name: 'Postfix on a host with keys leaves them whole',
    prepare(machine) {
      postfix(machine, [...goodPostfix(machine), 'smtp_line_length_limit = 0'])
      machine.write('/etc/default/onescand', 'CLUSTERKEYS=/etc/onescan/keys/ring\n')
    },
    expect: [/^ok milter inet:/],
  },
  {
    name: 'Postfix is well, and onescan is switched off',
    prepare(machine) {
      postfix(machine, goodPostfix(machine))
      machine.write('/etc/onescan/onescan.off', '')
    },
    expect: [/^warning switch: \/etc\/onescan\/onescan\.off is there: .*; run "onescan enable"/],
  },
  // Several
  {
    name: 'Postfix and Sendmail, both well',
    prepare(machine) {
      postfix(machine, goodPostfix(machine))
      sendmail(machine, filter(machine.socket, GOOD))
    },
    expect: [
      /^ok milter inet:.* \[Postfix\]: refuses EICAR/,
      /^ok filter onescan \[Sendmail\]: refuses EICAR/,
    ],
  },
  {
    name: 'Postfix is well, and Sendmail beside it scans nothing',
    prepare(machine) {
      postfix(machine, goodPostfix(machine))
      sendmail(machine)
    },
    expect: [
      /^ok milter inet:.* \[Postfix\]: refuses EICAR/,
      /^error \/etc\/mail\/sendmail\.cf \[Sendmail\]: no filter of onescan/,
    ],
  },
  {
    name: 'Postfix is well, and a Sendmail that was removed has left its settings',
    prepare(machine) {
      postfix(machine, goodPostfix(machine))
      machine.write(SENDMAIL, sendmailCf(machine.directory, ''))
    },
    expect: [/^ok milter inet:\S+: refuses EICAR/],
  },
  {
    name: 'qmail, where nothing scans, and Postfix, which is well',
    prepare(machine) {
      machine.write('/var/qmail/control/me', 'mail.example.org\n')
      postfix(machine, goodPostfix(machine))
    },
    expect: [
      /^ok milter inet:.* \[Postfix\]: refuses EICAR/,
      /^error QHPSI \[qmail\]: is not set here/,
      /^error chain \[qmail\]: .*qmail-queue/,
      AS_ROOT,
    ],
  },
  // None
  {
    name: 'no mail server at all is looked at as a slot',
    prepare() {},
    expect: [/^error QHPSI: is not set here/, /^error chain: .*qmail-queue/, AS_ROOT],
  },
]

const isOfMachine = ({ what, value }: Finding) =>
  /MiB|files left|in memory \(tmpfs\)/.test(value) || /^(runtime|ERROR_FD|spool)/.test(what)

t.test('hosts by their mail servers', { skip }, async (t) => {
  const place = `127.0.0.1:${await freePort()}`
  const daemon = startOnescand(t, {
    args: ['--milter', `inet:${place}`],
    settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
  })
  await daemon.logged(/serving/)
  const nobody = `inet:${await freePort()}@127.0.0.1`

  for (const { name, prepare, expect } of setUps) {
    t.test(name, async (t) => {
      const machine = machineOf(t, place, nobody)
      prepare(machine)
      const lines = await linesOf(machine)
      for (const line of expect) {
        t.ok(
          lines.some((one) => line.test(one)),
          `${line}`,
          { lines },
        )
      }
      const others = lines.filter((one) => !/^ok /.test(one) && !expect.some((e) => e.test(one)))
      t.same(others, [], 'nothing else is complained of')
    })
  }

  t.test('a word about the slot looks at that alone, and so does one about a server', async (t) => {
    const machine = machineOf(t, place, nobody)
    sendmail(machine)
    postfix(machine, goodPostfix(machine))
    t.notMatch(await textOf(machine, '--env', 'QHPSI=plugin: eicar'), /milter|sendmail/)
    t.match(await textOf(machine, '--postfix'), /^Postfix\nok [\s\S]*all is well\n$/)
    t.match(await textOf(machine, '--sendmail'), /^Sendmail\nerror /)
    t.match(await textOf(machine), /^Postfix; Sendmail\nok [\s\S]*1 error\n$/)
  })
})

function machineOf(t: Test, place: string, nobody: string): Machine {
  const own = makeOwnDirectories(t, {
    '/etc': ['onescan', 'mail', 'postfix', 'default'],
    '/var': ['qmail'],
    '/usr/libexec': ['sendmail'],
  })
  const [host, port] = place.split(':')
  return {
    ...own,
    milter: `inet:${place}`,
    socket: `inet:${port}@${host}`,
    nobody,
    write(path, text) {
      mkdirSync(dirname(own.at(path)), { recursive: true })
      writeFileSync(own.at(path), text)
    },
  }
}

async function textOf({ around }: Machine, ...words: string[]): Promise<string> {
  const [command, ...rest] = around([process.execPath, bundle, 'check', ...words])
  const child = spawn(command!, rest, {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  await once(child, 'close')
  return out
}

async function linesOf(machine: Machine): Promise<string[]> {
  const { results } = jsonIn<Finding>(await textOf(machine, '--json'))
  return results
    .filter((finding) => !isOfMachine(finding))
    .map(
      ({ level, what, value, remedy }) =>
        `${level} ${what}: ${value}${remedy ? `; ${remedy}` : ''}`,
    )
}
