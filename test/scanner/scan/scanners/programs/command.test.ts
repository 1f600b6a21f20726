import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadSystem } from '../../../../../src/base/runtime/system.ts'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { commandScanner } from '../../../../../src/scanner/scan/scanners/programs/command.ts'
import { plain } from '../../../../cases/messages.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory, reachable } from '../../../../programs/host/reachable.ts'
import { clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { runSlot, runtimes } from '../../../doors/slot/slot.ts'
import { clamdSettings, sample, scanTask } from '../clamd/task.ts'

/** ClamAV's programs as commands, as the original's manual writes them. */

t.test('a missing command is named, with the remedy', async (t) => {
  const message = join(t.testdir({ message: plain }), 'message')
  const scanner = commandScanner(clamdSettings('/nowhere'), ['/nonexistent/scanner', '%s'])
  t.match(await scanner.scan(sample(plain, message), scanTask().task), {
    answer: 'unknown',
    cause: 'unreachable',
    reason:
      '/nonexistent/scanner: cannot be started (no such file or directory); install it, or correct QHPSI',
  })
})

t.test('a command that was ended blames the deadline, or that the client has left', async (t) => {
  const message = join(t.testdir({ message: plain }), 'message')
  const scanner = commandScanner(clamdSettings('/nowhere'), ['sleep', '60'])
  const rows = [
    ['late', 'no answer in time (SCANTIMEOUT)'],
    ['abort', 'no client waits'],
  ] as const
  for (const [how, reason] of rows) {
    for (const isAtOnce of [true, false]) {
      const { task, ...ends } = scanTask()
      if (isAtOnce) ends[how]()
      const result = scanner.scan(sample(plain, message), task)
      setImmediate(ends[how])
      t.strictSame(await result, { answer: 'unknown', cause: 'timeout', reason }, how)
    }
  }
})

t.test('clamdscan gets an option for passing the file, if it has none', async (t) => {
  const directory = t.testdir({
    tcp: 'TCPSocket 3310\n',
    both: '# LocalSocket\nLocalSocket /x\nTCPSocket 3310\n',
    message: plain,
    clamdscans: {},
  })
  for (const name of ['clamdscan', 'clamdscan-1.4', 'clamscan', 'clamdscans/other']) {
    const printsWords = `#!/bin/sh\necho "$*" > ${directory}/words\n`
    writeFileSync(join(directory, name), printsWords, { mode: 0o755 })
  }
  const message = join(directory, 'message')
  const [tcp, both] = [join(directory, 'tcp'), join(directory, 'both')]
  const rows: [string, string][] = [
    ['clamdscan', `--fdpass ${message}`],
    ['clamdscan %s --quiet --no-summary', `--fdpass ${message} --quiet --no-summary`],
    ['clamdscan-1.4 %s', `--fdpass ${message}`],
    ['clamdscan --fdpass %s', `--fdpass ${message}`],
    ['clamdscan --fdp %s', `--fdp ${message}`],
    ['clamdscan --stream %s', `--stream ${message}`],
    ['clamdscan --stream=yes %s', `--stream=yes ${message}`],
    ['clamdscan --stdout %s', `--fdpass --stdout ${message}`],
    [`clamdscan --config-file=${both} %s`, `--fdpass --config-file=${both} ${message}`],
    [`clamdscan --config-file=${tcp} %s`, `--stream --config-file=${tcp} ${message}`],
    [`clamdscan --config-file ${tcp} %s`, `--stream --config-file ${tcp} ${message}`],
    [`clamdscan -c ${tcp} %s`, `--stream -c ${tcp} ${message}`],
    [`clamdscan -c${tcp} %s`, `--stream -c${tcp} ${message}`],
    ['clamdscan -c /nonexistent %s', `--fdpass -c /nonexistent ${message}`],
    ['clamscan %s', message],
    ['clamdscans/other %s', message],
  ]
  for (const [command, words] of rows) {
    const [program, ...rest] = command.split(' ')
    const scanner = commandScanner(clamdSettings('/nowhere'), [join(directory, program!), ...rest])
    t.same(await scanner.scan(sample(plain, message), scanTask().task), { answer: 'clean' })
    t.equal(readFileSync(join(directory, 'words'), 'utf8'), `${words}\n`, command)
  }
})

t.test('a virus is reported without the hash and size after its name', async (t) => {
  const directory = t.testdir({ message: plain })
  const [message, program] = [join(directory, 'message'), join(directory, 'clamdscan')]
  for (const hash of ['', `(${'0a'.repeat(16)}:68)`, `(${'0A'.repeat(32)}:68)`]) {
    const script = `#!/bin/sh\necho '${message}: Eicar-Test${hash} FOUND'\nexit 1\n`
    writeFileSync(program, script, { mode: 0o755 })
    const scanner = commandScanner(clamdSettings('/nowhere'), [program])
    const answer = await scanner.scan(sample(plain, message), scanTask().task)
    t.same(answer, { answer: 'infected', name: 'Eicar-Test' }, hash)
  }
})

const infected = Buffer.from(`From: a@example.org\nSubject: x\n\n${EICAR}\n`)

/** An account that is neither clamd's nor root's, as qmaild is. */
const ACCOUNT = 'daemon'

const missing = clamdMissing || lacks('mounts', 'clamdscan', 'clamscan')

/** The settings and signatures of a stock clamd, where ClamAV's programs expect them. */
const AS_INSTALLED =
  'mount --bind "$1" /etc/clamav && mount --bind "$2" /var/lib/clamav || exit 99; shift 2; exec "$@"'

/** A clamd of the user nobody, and the slot as another user: no SPOOLDIR, nothing set but QHPSI. */
async function host(t: Test) {
  const clamd = await startClamd(t, { user: 'nobody', tcp: true })
  const places = openDirectory(t)
  const [settings, signatures, spool] = ['etc', 'db', 'tmp'].map((name) => {
    mkdirSync(join(places, name))
    return join(places, name)
  }) as [string, string, string]
  chmodSync(spool, 0o1777)
  copyFileSync(clamd.configFile, join(settings, 'clamd.conf'))
  const pattern = Buffer.from(EICAR).toString('hex')
  writeFileSync(join(signatures, 'x.ndb'), `EICAR-Test:0:*:${pattern}\n`)
  const [address, port] = clamd.tcp.split(':')
  const overTcp = join(settings, 'tcp.conf')
  writeFileSync(overTcp, `TCPSocket ${port}\nTCPAddr ${address}\n`)

  return (program: readonly string[], QHPSI: string, message: Buffer) =>
    runSlot({
      program: [
        ...['/usr/bin/unshare', '--mount', '/bin/sh', '-c', AS_INSTALLED, 'sh'],
        ...[settings, signatures],
        ...['/usr/bin/setpriv', `--reuid=${ACCOUNT}`, `--regid=${ACCOUNT}`, '--clear-groups'],
        ...program.map(reachable),
      ],
      message,
      settings: { QHPSI, REJECTVIRUS: '1', TMPDIR: spool, QUEUECHAIN: '/bin/true' },
    })
}

const commands: readonly (readonly [command: string, namesVirus: boolean])[] = [
  ['/usr/bin/clamdscan %s --quiet --no-summary', false],
  ['clamdscan %s', true],
  ['clamdscan', true],
  ['/usr/bin/clamdscan --no-summary %s', true],
  ['clamdscan --fdpass %s', true],
  ['clamdscan --stream %s', true],
  ['clamdscan --config-file=/etc/clamav/tcp.conf %s', true],
  ['clamscan %s', true],
]

t.test("ClamAV's commands work with a clamd of another user", { skip: missing }, async (t) => {
  const scan = await host(t)
  for (const [command, namesVirus] of commands) {
    for (const { name, program } of runtimes) {
      const fine = await scan(program, command, plain)
      t.equal(fine.code, 0, `${command}, ${name}: ${fine.logged}`)
      t.match(fine.logged, /decision=accept .*scan=clean/)
      const bad = await scan(program, command, infected)
      t.equal(bad.code, 31, `${command}, ${name}: ${bad.logged}`)
      t.match(bad.logged, namesVirus ? /virus=EICAR-Test/ : /virus="found by clamdscan"/)
    }
  }
})

t.test(
  'commands get a file with a name: clamdscan skips /dev/fd/3',
  { skip: missing },
  async (t) => {
    const clamd = await startClamd(t)
    const file = join(t.testdir({ mail: infected }), 'mail')
    const descriptor = loadSystem()!.memoryFile()
    t.teardown(() => closeSync(descriptor))
    writeSync(descriptor, infected)
    const exitOf = (how: string, path: string) =>
      spawnSync('/usr/bin/clamdscan', [`--config-file=${clamd.configFile}`, how, path], {
        stdio: ['ignore', 'ignore', 'ignore', descriptor],
      }).status
    for (const how of ['--fdpass', '--stream']) {
      t.equal(exitOf(how, file), 1, `${how}: infected`)
      t.equal(exitOf(how, '/dev/fd/3'), 0, `${how}: "clean"`)
    }
  },
)
