import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import type { ScanResult } from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { clamscanScanner } from '../../../../../src/scanner/scan/scanners/programs/clamscan.ts'
import { lacks } from '../../../../needs.mjs'
import { isRunning } from '../../../../programs/host/is-running.ts'
import { EICAR_NAME } from '../../../../programs/servers/clamd.ts'
import { clamdSettings, sample, scanTask } from '../clamd/task.ts'

const clamscanMissing = lacks('clamscan')

const plain = Buffer.from('Subject: hello\n\nnothing to see\n')
const infected = Buffer.from(`Subject: hello\n\n${EICAR}\n`)

interface Asked {
  readonly message: Buffer
  readonly settings?: Record<string, string>
  /** The program in the place of clamscan. */
  readonly place?: string
  /** The path of the message; without it nobody may ask for one. */
  readonly directory?: string
  readonly milliseconds?: number
}

/** The answer of the plugin under these settings. */
async function ask({
  message,
  settings = {},
  place,
  directory,
  milliseconds,
}: Asked): Promise<ScanResult> {
  const path = directory && join(directory, 'message')
  if (path) writeFileSync(path, message)
  return clamscanScanner(
    clamdSettings('/nowhere', settings),
    place === undefined ? {} : { program: place },
  ).scan(sample(message, path), scanTask(milliseconds).task)
}

/** The reason of an unknown result, or another answer. */
async function reason(asked: Asked): Promise<string> {
  const answer = await ask(asked)
  return answer.answer === 'unknown' ? answer.reason : answer.answer
}

function databaseIn(directory: string): string {
  const database = join(directory, 'db')
  mkdirSync(database)
  writeFileSync(join(database, 'x.ndb'), `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}\n`)
  return database
}

/** Makes a program in the place of clamscan that runs this shell text for a scan. */
function program(directory: string, scan: string): string {
  const path = join(directory, 'clamscan')
  const version = 'case $1 in --version) echo ClamAV 1.0; exit 0;; esac'
  writeFileSync(path, `#!/bin/sh\n${version}\n${scan}\n`, { mode: 0o755 })
  return path
}

t.test('the program clamscan', { skip: clamscanMissing }, async (t) => {
  const directory = t.testdir()
  const settings = { CLAMDBDIR: databaseIn(directory) }

  t.strictSame(await ask({ message: plain, settings, directory }), { answer: 'clean' })
  t.strictSame(await ask({ message: infected, settings, directory }), {
    answer: 'infected',
    name: EICAR_NAME,
  })
  t.ok(existsSync(join(directory, 'message')), 'an infected message is left where it is')

  const missing = { CLAMDBDIR: join(directory, 'no-such-db') }
  t.match(await reason({ message: plain, settings: missing, directory }), /CLAMDBDIR .*no-such-db/)

  mkdirSync(join(directory, 'empty-db'))
  const empty = { CLAMDBDIR: join(directory, 'empty-db') }
  t.match(await reason({ message: plain, settings: empty, directory }), /Error Code: 2/)

  const place = '/usr/bin/no-such-clamscan'
  t.match(await reason({ message: plain, settings, place, directory }), /No valid/)
})

t.test('the answer is unknown if the program prints neither OK nor FOUND', async (t) => {
  for (const [script, expected] of [
    ['exit 0', /an invalid answer/],
    ['exit 1', /an invalid answer/],
    ['echo "$0: whatever"', /an invalid answer/],
    ['echo message: OK; exit 2', /Error Code: 2/],
    ['kill -9 $$', /Error Code/],
  ] as const) {
    const directory = t.testdir()
    const place = program(directory, script)
    t.match(await reason({ message: plain, place, directory }), expected, script)
  }
})

t.test('if the client leaves, the answer is unknown, and the program has ended', async (t) => {
  const directory = t.testdir()
  const pidFile = join(directory, 'pid')
  const place = program(
    directory,
    `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 100`,
  )
  const { task, abort } = scanTask()
  const files = watch(directory)
  files.on('change', () => existsSync(pidFile) && abort())
  const message = join(directory, 'message')
  writeFileSync(message, plain)
  const scanner = clamscanScanner(clamdSettings('/nowhere'), { program: place })
  const answer = await scanner.scan(sample(plain, message), task)
  files.close()

  t.strictSame(answer, { answer: 'unknown', reason: 'no client waits', cause: 'timeout' })
  const pid = Number(readFileSync(pidFile, 'latin1'))
  while (isRunning(pid)) await new Promise(setImmediate)
  t.ok(pid > 0)
})

t.test('a limit of ClamAV is not a virus, nor is a message over CLAMDMAXSIZE', async (t) => {
  for (const [kind, answer] of [
    ['MaxFileSize', { answer: 'unread', kind: 'unpacked' }],
    ['MaxRecursion', { answer: 'unread', kind: 'depth' }],
    ['MaxFiles', { answer: 'unread', kind: 'contents' }],
    ['MaxScanTime', { answer: 'unknown' }],
  ] as const) {
    const directory = t.testdir()
    const script = `echo 'message: Heuristics.Limits.Exceeded.${kind} FOUND'; exit 1`
    const place = program(directory, script)
    t.match(await ask({ message: plain, place, directory }), answer)
  }
  const small = { CLAMDMAXSIZE: String(plain.length - 1) }
  t.match(await ask({ message: plain, settings: small }), { answer: 'unread', kind: 'size' })
})

/** Variables that scanners may not get, and the only ones that they get beside TMPDIR and PATH. */
const hidden = {
  VERDICTPASSWORD: 'secret',
  QUEUECHAIN: '/bin/true',
  LD_BIND_NOW: '1',
  NODE_ENV: 'x',
  HOME: '/home/somebody',
}

t.test('clamscan gets the environment of scanners, and nothing else', async (t) => {
  const directory = t.testdir()
  const names = join(directory, 'names')
  const place = program(directory, `env > ${names}; echo message: OK`)
  const before = { ...process.env }
  t.teardown(() => {
    for (const name of Object.keys(hidden)) delete process.env[name]
    Object.assign(process.env, before)
  })
  Object.assign(process.env, hidden)
  const settings = { ...hidden, TMPDIR: directory, PATH: '/usr/bin:/bin' }
  t.strictSame(await ask({ message: plain, settings, place, directory }), { answer: 'clean' })

  const seen = readFileSync(names, 'latin1').split('\n').filter(Boolean)
  const ofShell = /^(?:PWD|OLDPWD|SHLVL|_)=/
  t.strictSame(seen.filter((line) => !ofShell.test(line)).sort(), [
    'CLAMD=/nowhere',
    'HOME=/nonexistent',
    'PATH=/usr/bin:/bin',
    `TMPDIR=${directory}`,
  ])
})

t.test('an empty message holds no virus', async (t) => {
  t.strictSame(await ask({ message: Buffer.alloc(0) }), { answer: 'clean' })
})

t.test('nothing is written to fd 1 or 2, whatever goes wrong', async (t) => {
  const directory = t.testdir({ message: plain })
  const path = program(directory, 'echo "message: ERROR"; echo trouble >&2; exit 2')
  const scan = `
    import { clamscanScanner } from './src/scanner/scan/scanners/programs/clamscan.ts'
    import { clamdSettings, scanTask, sample } from './test/scanner/scan/scanners/clamd/task.ts'
    for (const path of [process.argv[1], '/bin/false', '/nonexistent']) {
      const message = sample(Buffer.from('x'), process.argv[2])
      const answer = await clamscanScanner(clamdSettings('/nowhere'), { program: path }).scan(message, scanTask().task)
      if (answer.answer !== 'unknown') process.exit(1)
    }`
  const root = join(import.meta.dirname, '../../../../..')
  const words = [process.execPath, scan, path, join(directory, 'message')]
  const command = 'exec "$0" --input-type=module -e "$1" "$2" "$3" 2>&1'
  const written = execFileSync('sh', ['-c', command, ...words], { cwd: root, encoding: 'utf8' })
  t.equal(written, '')
})
