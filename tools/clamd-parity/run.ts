/**
 * Runs tests that others wrote for clients of clamd, against clamd and against onescand --clamd, and prints the
 * tests whose outcomes differ. As root, since each run has a mount and network namespace of its own.
 *
 *     node tools/clamd-parity/run.ts SUITE DIRECTORY
 *
 * SUITE is a name of suites.ts; DIRECTORY is a bare git directory with its files, or a directory that holds them.
 * `npm run build` must have made dist/. Nothing of these files is kept.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOnescand } from '../../test/daemon/process.ts'
import { startClamd } from '../../test/programs/clamd.ts'
import { suites } from './suites.ts'

const SOCKET = '/run/clamav/clamd.ctl'
const PORT = 3310
const servers = ['clamd', 'onescand'] as const
type Server = (typeof servers)[number]

const [name = '', directory = '', server] = process.argv.slice(2)
const suite = suites[name]
if (suite === undefined || !existsSync(directory)) {
  console.error(`usage: run.ts ${Object.keys(suites).join('|')} DIRECTORY`)
  process.exit(2)
}
if (server === undefined) compare()
else await serve(server as Server)

/** Runs the tests against both servers, and prints what differs. */
function compare(): void {
  const [clamd, ours] = servers.map((each) => outcomesBy(each)) as [Outcomes, Outcomes]
  for (const [outcomes, label] of [
    [clamd, 'clamd'],
    [ours, 'onescand'],
  ] as const) {
    const passed = [...outcomes.values()].filter(Boolean).length
    console.log(`${name} by ${label}: ${passed} of ${outcomes.size} passed`)
  }
  for (const [test, isPassed] of clamd) {
    if (ours.get(test) !== isPassed) console.log(`differs: ${test}: ${isPassed} by clamd`)
  }
}

type Outcomes = ReadonlyMap<string, boolean>

function outcomesBy(each: Server): Outcomes {
  const again = [...process.execArgv, process.argv[1]!, name, directory, each]
  const { stdout, stderr } = spawnSync('unshare', ['-mn', process.execPath, ...again], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const outcomes = new Map<string, boolean>()
  for (const line of stdout.split('\n')) {
    const [, test, outcome] = suite!.line.exec(line) ?? []
    if (test !== undefined) outcomes.set(test, suite!.isPassed(outcome, line))
  }
  if (outcomes.size === 0) console.error(stdout + stderr)
  return outcomes
}

/** Runs the tests where one of the servers listens at the usual places. */
async function serve(each: Server): Promise<void> {
  const ends: (() => unknown)[] = []
  const t = { teardown: (end: () => unknown) => void ends.push(end) }
  const files = mkdtempSync(join(tmpdir(), 'clamd-parity-'))
  try {
    execFileSync('sh', [
      '-c',
      'ip link set lo up; mkdir -p /run/clamav; mount -t tmpfs none /run/clamav',
    ])
    execFileSync('chmod', ['755', '/run/clamav'])
    if (each === 'clamd') await startClamd(t, { socket: SOCKET, tcp: PORT })
    else {
      const clamd = await startClamd(t)
      const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
      const args = [
        '--clamd',
        `unix:${SOCKET}`,
        '--clamd',
        `inet:127.0.0.1:${PORT}`,
        '--mode',
        '0666',
      ]
      await startOnescand(t, { settings, args })
    }
    if (existsSync(join(directory, 'HEAD'))) {
      execFileSync('sh', [
        '-c',
        'git --git-dir="$1" archive HEAD | tar -x -C "$2"',
        'sh',
        directory,
        files,
      ])
    } else cpSync(directory, files, { recursive: true })
    spawnSync('sh', ['-c', suite!.command], { cwd: files, stdio: 'inherit' })
  } finally {
    for (const end of ends.reverse()) await end()
    rmSync(files, { recursive: true, force: true })
  }
}
