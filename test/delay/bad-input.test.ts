import '../needs-addon.ts'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { launcher, runtimes } from './rig.ts'

/** Faults at the start: smtp-delay ends with the codes of UCSPI programs, and a line shows why. */

interface Run {
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly program?: readonly string[]
}

function run({ words, env = { TCPREMOTEIP: '192.0.2.1' }, program = [launcher] }: Run) {
  const [command = '', ...args] = [...program, ...words]
  const options = { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8', input: '' } as const
  return spawnSync(command, args, options)
}

const faults: readonly [name: string, words: string, logged: RegExp, env?: Run['env']][] = [
  ['no TCPREMOTEIP', 'true', /TCPREMOTEIP: is not set/, {}],
  [
    'nonsense in TCPREMOTEIP',
    'true',
    /^onescan: program=smtp-delay event=failed pid=\d+ reason="TCPREMOTEIP 1\.2\.3 4: is not an address/,
    { TCPREMOTEIP: '1.2.3\n4' },
  ],
  [
    'a program that is missing',
    '/nonexistent/x',
    /="\/nonexistent\/x: no such file or directory; specify a program/,
  ],
  ['a program that is none', '/etc/passwd', /passwd: permission denied/],
  ['a directory as program', '/tmp', /\/tmp: is not a file; specify a program/],
  ['a missing allow list', '--allow /x true', /--allow \/x/],
  ['a missing list', '--names /x true', /--names \/x/],
  [
    'a missing directory of locks',
    '--limit 3 --locks /nonexistent -d 0 true',
    /--locks: .*no such file or directory/,
  ],
  ['an odd DNS server', '--dns x!y true', /DNS server x!y/],
]

for (const [name, words, logged, env] of faults) {
  t.test(`${name}: exit 111`, async (t) => {
    const { status, stderr } = run({ words: words.split(' '), ...(env && { env }) })
    t.equal(status, 111)
    t.match(stderr, logged)
    t.equal(stderr.split('\n').length, 2, 'one line')
  })
}

t.test('without a program: exit 100', async (t) => {
  const { status, stderr } = run({ words: [] })
  t.equal(status, 100)
  t.match(stderr, /^[^\n]* reason="no program; see smtp-delay --help"\n$/)
})

t.test('a closed or useless descriptor 0 is reported', async (t) => {
  for (const words of ['<&-', '</dev/null', '</etc/passwd']) {
    const program = ['/bin/sh', '-c', `"$0" true ${words}`]
    const { status, stderr } = run({ program, words: [launcher] })
    t.equal(status, 111, words)
    t.match(stderr, /event=failed .* reason="fd 0: is neither a socket nor a pipe/)
  }
})

t.test('without onescan.node it refuses to start, and names the remedy', async (t) => {
  // As it is in the npm package, except for bin/.
  const bundle = join(t.testdir({ dist: {} }), 'dist/smtp-delay.cjs')
  copyFileSync(join(launcher, '../../dist/smtp-delay.cjs'), bundle)
  for (const words of [['true'], ['--listen', '127.0.0.1:0', 'true']]) {
    const { status, stderr } = run({ program: [process.execPath, bundle], words })
    t.equal(status, 111)
    t.match(
      stderr,
      /onescan\.node: cannot open .*; without it early talkers cannot be detected; reinstall onescan for x64 or arm64/,
    )
  }
})

t.test('names with odd bytes in TCPREMOTEHOST cannot forge a line of the log', async (t) => {
  for (const { name, smtpDelay } of runtimes) {
    for (const host of [
      'a\nonescan: program=smtp-delay event=refused',
      'm\u00e4il.example',
      'a'.repeat(255),
    ]) {
      const [command = '', ...args] = [...smtpDelay, '-v', '-d', '0', '-D', '0', 'true']
      const env = { PATH: process.env.PATH, TCPREMOTEIP: '192.0.2.1', TCPREMOTEHOST: host }
      const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
      let log = ''
      child.stderr.on('data', (bytes) => {
        log += bytes
      })
      const status = await new Promise((resolve) => child.on('close', resolve))
      child.stdin.end()
      t.equal(status, 0, name)
      t.match(
        log,
        /^onescan: program=smtp-delay event=passed pid=\d+ remote=192\.0\.2\.1 waited_ms=[\d.]+ reason="dynamic [ -~]*"\n$/,
      )
    }
  }
})
