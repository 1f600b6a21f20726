import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PLAIN, slotProgram } from '../../onescan.ts'
import { tcpserver } from '../service.ts'

/** The directory of a host, and functions that put things into it. */
export interface Place {
  readonly home: string
  at(name: string): string
  write(name: string, text: string, mode?: number): string
  link(name: string, target: string): string
}

/** A set-up that somebody may have, and the check lines of `onescan check`. */
export interface SetUp {
  readonly name: string
  readonly env?: Readonly<Record<string, string>> | ((place: Place) => Record<string, string>)
  /** Makes the files, and returns more options. */
  readonly prepare?: (place: Place) => readonly string[] | undefined
  /** Starts a service of these words in the directory, whose slot is looked at then. */
  readonly service?: (place: Place) => readonly string[]
  /** The lines that must be there, in any order. All other lines must be ok. */
  readonly expect: readonly RegExp[]
}

export function placeIn(home: string): Place {
  const at = (name: string) => join(home, name)
  const make = (name: string) => {
    mkdirSync(dirname(at(name)), { recursive: true })
    return at(name)
  }
  return {
    home,
    at,
    write(name, text, mode = 0o644) {
      writeFileSync(make(name), text)
      chmodSync(at(name), mode)
      return at(name)
    },
    link(name, target) {
      symlinkSync(target, make(name))
      return at(name)
    },
  }
}

const gate = join(import.meta.dirname, '../../../../../dist/smtp-delay.cjs')
/** What starts a service whose caller has QMAILQUEUE, without it. */
const withoutQueue = ['env', '--unset=QMAILQUEUE']
const qmqp = [...tcpserver().slice(0, -1), '/var/qmail/bin/qmail-qmqpd']
/** Unix time in seconds. */
const inAnHour = Date.now() / 1000 + 3600

/** Set-ups of the slot, its chain and its scanners. QHPSI is `plugin: eicar` by default. */
export const setUpsOfPrograms: readonly SetUp[] = [
  // The slot
  { name: 'nothing is wrong', expect: [/^ok qmail-queue program: /, /^ok qmail, EICAR: is found/] },
  {
    name: 'QMAILQUEUE is onescan-queue',
    env: { QMAILQUEUE: slotProgram },
    expect: [
      /^ok qmail-queue program: /,
      /^ok next program: \S+\/bin\/qmail-queue$/,
      /^ok qmail, EICAR: is found/,
    ],
  },
  {
    name: 'QMAILQUEUE is the real qmail-queue',
    env: ({ at }) => ({ QMAILQUEUE: at('bin/qmail-queue') }),
    expect: [
      /^error qmail-queue program: .*mail is not scanned; set QMAILQUEUE to \/etc\/onescan\/queue$/,
    ],
  },
  {
    name: 'QMAILQUEUE is a link to it, as a purge leaves one',
    env: ({ at, link }) => ({ QMAILQUEUE: link('slot', at('bin/qmail-queue')) }),
    expect: [
      /^error qmail-queue program: \S+ is a link to \S+\/bin\/qmail-queue: mail is not scanned; ln -sfn /,
    ],
  },
  {
    name: 'QMAILQUEUE is another name of the real qmail-queue',
    prepare: ({ at }) => {
      linkSync(at('bin/qmail-queue'), at('slot'))
      return []
    },
    env: ({ at }) => ({ QMAILQUEUE: at('slot') }),
    expect: [/^error qmail-queue program: .*mail is not scanned/],
  },
  {
    name: 'QMAILQUEUE is a wrapper',
    env: ({ at, write }) => ({ QMAILQUEUE: write('wrapper', recording(at('called')), 0o755) }),
    expect: [
      /^warning qmail-queue program: .*no test message was sent.*; if \S+ calls onescan-queue, /,
    ],
  },
  ...[
    [
      'a script that names the next program itself',
      `exec ${slotProgram} "$QMAILHOME/bin/qmail-queue"`,
    ],
    ['a script that clears the environment', `exec env - PATH="$PATH" QHPSI=x ${slotProgram}`],
  ].map(
    ([what, line]): SetUp => ({
      name: `QMAILQUEUE is ${what}`,
      env: ({ write }) => ({
        QMAILQUEUE: write('w/onescan-queue', `#!/bin/sh\n${line}\n`, 0o755),
      }),
      expect: [/^warning qmail-queue program: .*names the next program itself/],
    }),
  ),
  {
    name: 'QMAILQUEUE is relative',
    env: { QMAILQUEUE: 'bin/onescan-queue' },
    expect: [/^error qmail-queue program: QMAILQUEUE bin\/onescan-queue is relative/],
  },
  {
    name: 'QMAILQUEUE is a link that leads nowhere',
    env: ({ link }) => ({ QMAILQUEUE: link('slot', 'gone') }),
    expect: [/^error qmail-queue program: .*is a link to .*\/gone, which does not exist/],
  },
  {
    name: 'QMAILQUEUE is set, and empty',
    env: { QMAILQUEUE: '' },
    expect: [/^error qmail-queue program: .*QMAILQUEUE is empty/],
  },
  // The scanners
  {
    name: 'QHPSI names a command that takes all mail for infected',
    env: { QHPSI: '/bin/false %s' },
    expect: [/^error qmail, clean message: is reported as infected/],
  },
]

/** Set-ups of settings, directories, keys, limits and quota. */
export const setUpsOfSettings: readonly SetUp[] = [
  {
    name: 'SCANFAIL=accept',
    env: { SCANFAIL: 'accept' },
    expect: [/^warning unscanned mail: .*; set SCANFAIL=defer in /],
  },
  {
    name: 'a variable is misspelt',
    env: { REJECTVIRIUS: '1' },
    expect: [/^warning settings: REJECTVIRIUS is not a setting: .*; did you mean REJECTVIRUS\?/],
  },
  {
    name: 'ERROR_FD is set where no qmail-smtpd is',
    env: { ERROR_FD: '6' },
    expect: [/^warning ERROR_FD: 6 with exit code 82, and there is no .*; send EICAR over SMTP/],
  },
  // The service
  {
    name: 'the classic softlimit',
    service: () => ['softlimit', '-m', '3000000', ...tcpserver()],
    expect: [
      /^error qmail, clean message: .* with a limit of 3000000 bytes of memory: mail is deferred; use "softlimit -a 4000000000" /,
    ],
  },
  {
    name: 'the gate, as its page has it',
    env: { QHPSI: '' },
    service: ({ at, write }) => {
      const rule = `:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"\n`
      execFileSync('tcprules', [at('tcp.smtp.cdb'), at('tmp')], { input: rule })
      const options = ['-1', '-v', '-H', '-l', '0', '-c', '16', '-x', at('tcp.smtp.cdb')]
      const waits = ['-u', `${PLAIN}`, '-g', `${PLAIN}`, '-S', '-d', '1', '-D', '10', '-N', '20']
      const smtpd = write('bin/qmail-smtpd', '#!/bin/sh\n', 0o755)
      return [process.execPath, gate, '--listen', '127.0.0.1:0', ...options, ...waits, smtpd]
    },
    expect: [
      /^ok process \d+: smtp-delay\S* --listen /,
      /^warning QHPSI: plugin: eicar finds /,
      /^ok qmail, EICAR: /,
    ],
  },
  {
    name: 'a step behind tcpserver, which cannot be seen',
    service: () => [...tcpserver().slice(0, -1), 'envdir', './env', '/var/qmail/bin/qmail-smtpd'],
    expect: [
      /^warning process \d+: starts envdir before qmail-smtpd: settings that this program changes are not checked; start it before/,
    ],
  },
  {
    name: 'a service without QMAILQUEUE',
    service: () => [...withoutQueue, ...tcpserver()],
    expect: [
      /^error qmail-queue program: QMAILQUEUE is not set: mail goes to qmail-queue unscanned; set QMAILQUEUE="\/etc\/onescan\/queue" in the environment of qmail-smtpd, as doc\/qmail\.md shows$/,
    ],
  },
  {
    name: 'a QMQP server that names scanners, without QMAILQUEUE',
    service: () => [...withoutQueue, ...qmqp],
    expect: [
      /^ok process \d+: tcpserver .*qmail-qmqpd$/,
      /^error qmail-queue program: QMAILQUEUE is not set: mail goes to qmail-queue unscanned; /,
    ],
  },
  {
    name: 'a QMQP server whose mail other hosts scan',
    env: { QHPSI: '' },
    service: () => [...withoutQueue, ...qmqp],
    expect: [
      /^warning QHPSI: is not set for these clients, who may relay: .*; unless this is intended, set QMAILQUEUE=\S+, QHPSI=/,
    ],
  },
  {
    name: 'a QMQP server that scans',
    service: () => qmqp,
    expect: [/^ok qmail-queue program: /, /^ok qmail, EICAR: is found/],
  },
  {
    name: 'a run script that was not restarted',
    service: ({ write, home }) => {
      write('run', '#!/bin/sh\n')
      utimesSync(join(home, 'run'), inAnHour, inAnHour)
      return tcpserver()
    },
    expect: [/^warning process \d+: \S+\/run has changed since this process was started; svc -t /],
  },
  {
    name: 'tcp.smtp is newer than its cdb',
    service: ({ at, write }) => {
      const rule = `:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"\n`
      execFileSync('tcprules', [at('tcp.smtp.cdb'), at('tmp')], { input: rule })
      utimesSync(at('tcp.smtp.cdb'), 0, 0)
      write('tcp.smtp', rule)
      return tcpserver('-x', 'tcp.smtp.cdb')
    },
    expect: [
      /^error process \d+: \S+\/tcp\.smtp is newer than \S+, which tcpserver reads; \(umask 022 && tcprules \S+tcp\.smtp\.cdb \S+ <\S+tcp\.smtp\)$/,
    ],
  },
  {
    name: 'blanks before = in tcp.smtp',
    env: { QHPSI: '' },
    service: ({ at }) => {
      const rule = `:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar",REJECTVIRUS ="1"\n`
      execFileSync('tcprules', [at('tcp.cdb'), at('tmp')], { input: rule })
      return tcpserver('-x', at('tcp.cdb'))
    },
    expect: [
      /^ok infected mail: is tagged/,
      /^warning settings: "REJECTVIRUS " is not a setting: .*; did you mean REJECTVIRUS, without spaces around =\?/,
    ],
  },
]

/** A script that makes this file when it is called. */
const recording = (file: string) => `#!/bin/sh\n: >${file}\n`

/** Makes a qmail whose qmail-queue makes a file `called`. No test mail may reach it. */
export function putQmail({ at, write }: Place): void {
  mkdirSync(at('control'))
  write('bin/qmail-queue', recording(at('called')), 0o4755)
}
