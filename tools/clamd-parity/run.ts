/**
 * Runs tests that others wrote for clients of clamd, against clamd and against onescand --clamd, and prints the
 * tests whose outcomes differ. As root, since each run has a mount and network namespace of its own.
 *
 *     node tools/clamd-parity/run.ts SUITE DIRECTORY
 *
 * SUITE is a name of suites.ts; DIRECTORY is a bare git directory with its files, or a directory that holds them.
 * `npm run build` must have made dist/. It fails if no test ran, or if the tests with one server take half an hour. With VERBOSE in the environment all that the tests print is shown. Nothing of
 * these files is kept.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { EICAR_NAME, startClamd } from '../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../test/scanner/daemon/process.ts'
import { suites } from './suites.ts'

const SOCKET = '/run/clamav/clamd.ctl'
const PORT = 3310
/** Milliseconds that a suite may take with one of the servers. */
const LIMIT = 30 * 60_000
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
    // A suite that ran no test shows nothing.
    if (outcomes.size === 0) process.exitCode = 1
  }
  for (const test of new Set([...clamd.keys(), ...ours.keys()])) {
    const [by, byOurs] = [clamd.get(test), ours.get(test)]
    if (by !== byOurs) console.log(`differs: ${test}: ${by} by clamd, ${byOurs} by onescand`)
  }
}

type Outcomes = ReadonlyMap<string, boolean>

function outcomesBy(each: Server): Outcomes {
  const files = mkdtempSync(join(tmpdir(), 'clamd-parity-'))
  try {
    copyTo(files)
    spawnSync('sh', ['-c', suite!.prepare ?? ''], { cwd: files, stdio: 'inherit' })
    const again = [...process.execArgv, process.argv[1]!, name, files, each]
    const { stdout, stderr, signal } = spawnSync(
      'unshare',
      ['-mnpf', '--kill-child', process.execPath, ...again],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        timeout: LIMIT,
        killSignal: 'SIGKILL',
      },
    )
    if (process.env.VERBOSE) console.log(stdout + stderr)
    const outcomes = new Map<string, boolean>()
    for (const line of stdout.split('\n')) {
      const { test, passed } = suite!.line.exec(line)?.groups ?? {}
      if (test !== undefined) outcomes.set(test, passed !== undefined)
    }
    if (outcomes.size === 0) console.error(stdout + stderr)
    if (signal) {
      console.error(`${name} with ${each} did not end within ${LIMIT / 60_000} minutes`)
      process.exitCode = 1
    }
    return outcomes
  } finally {
    rmSync(files, { recursive: true, force: true })
  }
}

/** Runs the tests where one of the servers listens at the usual places. */
async function serve(each: Server): Promise<void> {
  const ends: (() => unknown)[] = []
  const t = { teardown: (end: () => unknown) => void ends.push(end) }
  try {
    execFileSync('sh', [
      '-c',
      'ip link set lo up; mkdir -p /run/clamav; mount -t tmpfs none /run/clamav; chmod 755 /run/clamav',
    ])
    const database = Object.fromEntries(
      (suite!.signatures ?? []).map((path) => [
        basename(path),
        readFileSync(join(directory, path)),
      ]),
    )
    const at = each === 'clamd' ? { socket: SOCKET, tcp: PORT } : {}
    const clamd = await startClamd(t, { ...suite!.settings, database, ...at })
    if (each === 'onescand') {
      const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
      const addresses = [`unix:${SOCKET}`, `inet:127.0.0.1:${PORT}`]
      const args = [...addresses.flatMap((address) => ['--clamd', address]), '--mode', '0666']
      await startOnescand(t, { settings, args })
    }
    const behind = `${process.execPath} ${join(import.meta.dirname, 'onescand-as-clamd.ts')}`
    spawnSync('sh', ['-c', suite!.command], {
      cwd: directory,
      stdio: 'inherit',
      env: { ...process.env, CLAMD: each === 'clamd' ? 'clamd' : behind },
    })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** Copies the files, in which the names that ClamAV's own database has for EICAR become that of this one. */
function copyTo(files: string): void {
  const archive = 'git --git-dir="$1" archive HEAD | tar -x -C "$2"'
  const copy = existsSync(join(directory, 'HEAD')) ? archive : 'cp -r "$1/." "$2"'
  const names =
    'Eicar-Test-Signature|Win\\.Test\\.EICAR_HDB-1|Eicar-Signature|ClamAV-Test-Signature'
  // Else onescand would refuse its own files there.
  const rename = `chmod -R go-w "$2"; grep -rlE "$3" "$2" --exclude-dir=.git | xargs -r sed -i -E "s/$3/$4/g"`
  execFileSync('sh', ['-c', `${copy}; ${rename}`, 'sh', directory, files, names, EICAR_NAME])
}
