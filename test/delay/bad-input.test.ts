import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { launcher, runtimes } from './rig.ts'

/** Faults at the start: smtp-delay ends with the codes of UCSPI programs, and a line says why. */

interface Run {
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly program?: readonly string[]
}

function run({ words, env = { TCPREMOTEIP: '192.0.2.1' }, program = [launcher] }: Run) {
  const [command = '', ...args] = [...program, ...words]
  const options = { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8', input: '' } as const
  const { status, stderr, stdout } = spawnSync(command, args, options)
  return { status, stderr, stdout }
}

const cases: (Run & { name: string; status: number; says: RegExp })[] = [
  {
    name: 'no program',
    words: [],
    status: 100,
    says: /reason="no program; see smtp-delay --help"$/m,
  },
  {
    name: 'no TCPREMOTEIP',
    words: ['true'],
    env: {},
    status: 111,
    says: /TCPREMOTEIP: is not set/,
  },
  {
    name: 'nonsense in TCPREMOTEIP',
    words: ['true'],
    env: { TCPREMOTEIP: '1.2.3\n4' },
    status: 111,
    says: /^onescan: program=smtp-delay event=failed pid=\d+ reason="TCPREMOTEIP 1\.2\.3 4: is not an address/,
  },
  {
    name: 'a program that is missing',
    words: ['/nonexistent/x'],
    status: 111,
    says: /nonexistent/,
  },
  { name: 'a program that is none', words: ['/etc/passwd'], status: 111, says: /EACCES.*passwd/ },
  { name: 'a directory as program', words: ['/tmp'], status: 111, says: /\/tmp: is not a file/ },
  {
    name: 'a missing allow list',
    words: ['--allow', '/x', 'true'],
    status: 111,
    says: /--allow \/x/,
  },
  { name: 'a missing list', words: ['--names', '/x', 'true'], status: 111, says: /--names \/x/ },
  {
    name: 'a lock directory that is missing',
    words: ['--limit', '3', '--locks', '/nonexistent', '-d', '0', 'true'],
    status: 111,
    says: /--locks: ENOENT/,
  },
  {
    name: 'an odd DNS server',
    words: ['--dns', 'x y', 'true'],
    status: 111,
    says: /DNS server x y/,
  },
]

for (const { name, status, says, ...setup } of cases) {
  t.test(`${name}: exit ${status}`, async (t) => {
    const ended = run(setup)
    t.equal(ended.status, status)
    t.match(ended.stderr, says)
    t.equal(ended.stderr.split('\n').length, 2, 'one line')
  })
}

t.test('a closed or useless descriptor 0 is reported', async (t) => {
  const closed = (words: string) => ({
    program: ['/bin/sh', '-c', `"$0" true ${words}`],
    words: [launcher],
  })
  for (const words of ['<&-', '</dev/null', '</etc/passwd']) {
    const { status, stderr } = run(closed(words))
    t.equal(status, 111, words)
    t.match(stderr, /event=failed .* reason="fd 0: is neither a socket nor a pipe/)
  }
})

t.test('without onescan.node it refuses to start, and says what to install', async (t) => {
  // As it lies in the npm package, but for bin/.
  const bundle = join(t.testdir({ dist: {} }), 'dist/smtp-delay.cjs')
  copyFileSync(join(launcher, '../../dist/smtp-delay.cjs'), bundle)
  for (const words of [['true'], ['--listen', '127.0.0.1:0', 'true']]) {
    const { status, stderr } = run({ program: [process.execPath, bundle], words })
    t.equal(status, 111)
    t.match(
      stderr,
      /onescan\.node: cannot open .*; install onescan for x64 or arm64 anew; without it early talkers cannot be seen/,
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
