import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { complainsOnly, linesOf } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { reachable, reachablePath } from '../../../../programs/host/reachable.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import { slotProgram } from '../../onescan.ts'
import {
  checkOn,
  directoryOfOnescand,
  findingsOn,
  makeMachine,
  ONESCAN,
  type Machine as OwnMachine,
  putPostfix,
  putSendmail,
  putSocket,
} from '../machine.ts'

/**
 * Hosts with various mail servers. `onescan check` without options finds the servers, has the expected
 * check lines, and complains of nothing else.
 */

const skip = ownDirectoriesMissing || ucspiMissing || lacks('postconf')

interface Machine extends OwnMachine {
  /** The address of onescand --milter, `unix:/PATH`. */
  readonly milter: string
}

interface SetUp {
  readonly name: string
  readonly prepare: (machine: Machine) => void
  /** Whether the service /etc/service/smtpd runs, which writes to its FIFO `ready` when it listens. */
  readonly isServed?: true
  /** Whether the onescand that runs makes stamps. */
  readonly makesStamps?: true
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

const goodPostfix = ({ milter }: Pick<Machine, 'milter'>) => [
  `smtpd_milters = ${milter}`,
  'non_smtpd_milters = $smtpd_milters',
]

const setUps: readonly SetUp[] = [
  {
    name: 'Sendmail without a filter of onescan',
    prepare: (machine) => putSendmail(machine),
    expect: [
      /^warning Sendmail: .*unknown whether .*; run onescan check --mail ADDRESS, which shows /,
    ],
  },
  // Postfix
  {
    name: 'Postfix on a host with keys folds long lines',
    makesStamps: true,
    prepare: (machine) => putPostfix(machine, goodPostfix(machine)),
    expect: [
      /^warning smtp_line_length_limit: is 998, so .*breaks the stamp; postconf -e 'smtp_line_length_limit = 0' && postfix reload$/,
    ],
  },
  {
    name: 'Postfix on a host with keys leaves them whole',
    makesStamps: true,
    prepare: (machine) =>
      putPostfix(machine, [...goodPostfix(machine), 'smtp_line_length_limit = 0']),
    expect: [/^ok smtp\/inet: uses onescand at unix:/],
  },
  {
    name: 'Postfix is set up, and onescan is switched off',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      machine.write('/etc/onescan/onescan.off', '')
    },
    expect: [/^warning scanning: \/etc\/onescan\/onescan\.off exists: .*; onescan enable$/],
  },
  // Several
  {
    name: 'Postfix, which is set up, and Sendmail',
    prepare(machine) {
      putPostfix(machine, goodPostfix(machine))
      putSendmail(machine)
    },
    expect: [
      /^ok smtp\/inet \[Postfix\]: uses onescand at unix:/,
      /^warning Sendmail \[Sendmail\]: .*unknown whether/,
    ],
  },
  {
    name: 'qmail, where nothing scans, and Postfix, which is set up',
    prepare(machine) {
      machine.write('/var/qmail/control/me', 'mail.example.org\n')
      putPostfix(machine, goodPostfix(machine))
    },
    expect: [
      /^ok smtp\/inet \[Postfix\]: uses onescand at unix:/,
      /^error qmail \[qmail\]: no qmail-smtpd runs, and nothing listens at port 25: /,
    ],
  },
  {
    name: 'qmail is set up by its service that runs, and its tcp.smtp',
    prepare({ write, at }) {
      write('/var/qmail/bin/qmail-queue', readFileSync('/bin/false'))
      chmodSync(at('/var/qmail/bin/qmail-queue'), 0o4755)
      write('/var/qmail/control/me', 'mail.example.org\n')
      const serves = 'setuidgid nobody tcpserver -1 -x cdb 127.0.0.1 0 qmail-smtpd'
      const path = reachablePath()
      const lines = ['#!/bin/sh', `export PATH=${path}`, `exec ${serves} >ready`, '']
      write('/etc/service/smtpd/run', lines.join('\n'), 0o755)
      const directory = at('/etc/service/smtpd')
      const rule = `:allow,QMAILQUEUE="${reachable(slotProgram)}",QHPSI="plugin: eicar",REJECTVIRUS="0"\n`
      execFileSync('tcprules', [`${directory}/cdb`, `${directory}/tmp`], { input: rule })
      execFileSync('mkfifo', [`${directory}/ready`])
    },
    isServed: true,
    expect: [
      /^ok process \d+: tcpserver -1 -x cdb 127\.0\.0\.1 0 qmail-smtpd/,
      /^ok qmail, EICAR: is found/,
      /^ok qmail, clean message: scanned and passed on/,
      /^ok infected mail \[onescand\]: is tagged and delivered, unless tcp\.smtp sets something else/,
    ],
  },
  // None
  {
    name: 'no mail server at all, and nothing of qmail is reported',
    prepare() {},
    expect: [
      /^warning mail server: none was found on this host .*; install a mail server, and connect it /,
    ],
  },
]

t.test('hosts by their mail servers', { skip }, async (t) => {
  const start = async (treatment: Readonly<Record<string, string>>) => {
    const place = join(directoryOfOnescand(t), 'milter.sock')
    const { socket } = await startOnescand(t, {
      program: newest.map(reachable),
      args: ['--milter', `unix:${place}`, '--mode', '0666'],
      settings: { QHPSI: 'plugin: eicar', ...treatment },
      uid: ONESCAN,
    })
    return { place, socket }
  }
  const ring = join(directoryOfOnescand(t), 'ring')
  writeFileSync(ring, `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`)
  chownSync(ring, 0, ONESCAN)
  chmodSync(ring, 0o640)
  const daemon = await start({ REJECTVIRUS: '1' })
  const stamping = await start({ REJECTVIRUS: '1', CLUSTERKEYS: ring })
  const forSlots = await start({})

  const only = process.env.SETUP
  for (const { name, prepare, isServed = false, makesStamps = false, expect } of setUps) {
    if (only !== undefined && !name.includes(only)) continue
    t.test(name, async (t) => {
      const { place, socket } = isServed ? forSlots : makesStamps ? stamping : daemon
      const bare = machineOf(t, place)
      putSocket(bare, socket)
      prepare(bare)
      const machine = isServed ? { ...bare, around: aroundService(bare) } : bare
      complainsOnly(t, await findingsOn(machine), expect)
    })
  }

  t.test('there is one remedy for a misspelt socket', async (t) => {
    const misspelt = 'unix:/nonexistent/onescan/milterr.sock'
    const machine = machineOf(t, daemon.place)
    putSocket(machine, daemon.socket)
    putPostfix(machine, goodPostfix({ milter: misspelt }))
    const [wrong = ''] = linesOf(await findingsOn(machine)).filter((line) =>
      line.startsWith('error'),
    )
    t.match(
      wrong,
      /^error milter unix:\/nonexistent\/\S+: \S+ does not exist: Postfix defers all mail/,
    )
    const [, command = ''] = /postconf -e ((?:'[^']*' )+)&& postfix reload;/.exec(wrong) ?? []
    const settings = [...command.matchAll(/'([^']*)'/g)].map(([, setting = '']) => setting)
    t.equal(settings.length, 2, wrong)
    putPostfix(machine, settings)
    complainsOnly(t, await findingsOn(machine), [/^ok smtp\/inet: uses onescand at unix:/])
  })

  t.test('an option about the slot, or about a server, restricts the check to that', async (t) => {
    const machine = machineOf(t, daemon.place)
    putSocket(machine, daemon.socket)
    putSendmail(machine)
    putPostfix(machine, goodPostfix(machine))
    t.notMatch(await checkOn(machine, '--env', 'QHPSI=plugin: eicar'), /milter|sendmail/)
    const ofPostfix = await checkOn(machine, '--postfix')
    t.match(
      ofPostfix,
      /^error [\s\S]*is not running: no mail is delivered\n +fix: postfix start\n[\s\S]*\n1 error; this check sent no mail through Postfix: onescan check --mail ADDRESS does\n$/,
    )
    t.match(
      await checkOn(machine),
      /^reported by the account onescan:\n[\s\S]*^checked as root:\n[\s\S]*1 error, 2 warnings; this check sent no mail through Postfix, Sendmail: /m,
    )
  })
})

function machineOf(t: Test, place: string): Machine {
  return { ...makeMachine(t), milter: `unix:${place}` }
}
