import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newest, startOnescand } from '../../doors/daemon/process.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { findProgram } from '../../programs/install.mjs'
import { ownDirectoriesMissing } from '../../programs/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../programs/reachable.ts'
import { startStore, storeMissing } from '../../programs/store-server.ts'
import { judgeLines, linesOn, makeMachine, ONESCAN, putPostfix } from './machine.ts'
import { type Around, fileIn, type OnescandSetUp, setUps } from './set-ups-of-onescand.ts'

/**
 * Set-ups of onescand behind Postfix that are broken: `onescan check` says what is wrong, what to
 * do, and nothing else; `onescand --check` says what keeps it from starting.
 */

const skip =
  ownDirectoriesMissing ||
  clamdMissing ||
  storeMissing ||
  (!findProgram('postconf') && 'install Debian package postfix')

const DEFAULTS = '/etc/default/onescand'
const program = newest.map((word) => reachable(word))

t.test('each set-up has its own name', async (t) => {
  t.ok(setUps.length >= 40)
  t.equal(new Set(setUps.map(({ name }) => name)).size, setUps.length)
})

t.test('set-ups of onescand behind Postfix', { skip, jobs: 3 }, async (t) => {
  const clamd = await startClamd({ alertExceedsMax: true })
  const lax = await startClamd()
  t.teardown(() => Promise.all([clamd.stop(), lax.stop()]))
  const store = await startStore(t, { args: ['--requirepass', 'secret'] })
  const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const shared = {
    clamd: clamd.socket,
    laxClamd: lax.socket,
    store: `127.0.0.1:${store.port}`,
    gone: `127.0.0.1:${await freePort()}`,
    taken: `127.0.0.1:${(other.address() as AddressInfo).port}`,
  }
  const only = process.env.SETUP
  for (const setUp of setUps) {
    if (only !== undefined && !setUp.name.includes(only)) continue
    t.test(setUp.name, { buffered: true }, (t) => trySetUp(t, setUp, shared))
  }
})

type Shared = Pick<Around, 'clamd' | 'laxClamd' | 'store' | 'gone' | 'taken'>

async function trySetUp(t: Test, setUp: OnescandSetUp, shared: Shared): Promise<void> {
  const machine = makeMachine(t)
  const place = ownDirectory(t)
  const kept = openDirectory(t)
  const file = fileIn(kept, (path, text) => writeFileSync(path, text))
  const around: Around = { ...shared, machine, place, kept, file }
  const milter = `unix:${place}/milter.sock`
  const basic = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', TMPDIR: place }
  const settings = { ...basic, ...setUp.settings?.(around) }
  const options = `--milter ${milter} --mode 0666 ${setUp.options?.(around) ?? ''}`.trim()
  const lines = Object.entries({ ...settings, ONESCAND_OPTIONS: options }).map(
    ([name, value]) => `${name}="${value}"\n`,
  )
  const text = setUp.written?.(lines.join('')) ?? lines.join('')
  machine.write(DEFAULTS, text)
  putPostfix(machine, [
    `smtpd_milters = ${milter}`,
    'non_smtpd_milters = $smtpd_milters',
    'milter_default_action = tempfail',
    ...(setUp.postfix ?? []),
  ])
  const asWritten = environmentBy(text)
  const said = startOf(asWritten) // before it has the places
  if (setUp.runs !== 'not') {
    const isOld = setUp.runs === 'as it was'
    const words = isOld ? `--milter ${milter} --mode 0666` : (asWritten.ONESCAND_OPTIONS ?? '')
    const daemon = startOnescand(t, {
      program,
      args: words.split(' '),
      settings: isOld ? basic : asWritten,
      uid: ONESCAN,
    })
    await daemon.logged(/serving/)
  }
  judgeLines(t, await linesOn(machine), setUp.check)
  for (const line of setUp.start ?? []) {
    t.ok(
      said.lines.some((each) => line.test(each)),
      `--check: ${line}`,
      said,
    )
  }
  t.equal(
    said.code !== 0,
    said.lines.some((line) => line.startsWith('error: ')),
  )
  if (setUp.runs === undefined) t.equal(said.code, 0, 'it starts', said)
}

/** What sh makes of the file. */
function environmentBy(text: string): Record<string, string> {
  const script = `set -a; eval "$1" 2>/dev/null; exec env -0`
  const { stdout } = spawnSync('/bin/sh', ['-c', script, 'sh', text.replaceAll('\n', '\n:;')], {
    env: {},
    encoding: 'utf8',
  })
  const pairs = stdout.split('\0').flatMap((pair) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/s.exec(pair) ?? []
    return name === undefined || name === 'PWD' ? [] : [[name, value!] as const]
  })
  return Object.fromEntries(pairs)
}

/** What `onescand --check` says as its user, with the code that it ends with. */
function startOf(env: Record<string, string>): { code: number | null; lines: string[] } {
  const words = (env.ONESCAND_OPTIONS ?? '').split(/[ \t\n]+/).filter(Boolean)
  const { status, stdout } = spawnSync(
    program[0]!,
    [...program.slice(1), '--check', '--socket', 'none', ...words],
    { env: { PATH: reachablePath(), ...env }, uid: ONESCAN, gid: ONESCAN, encoding: 'utf8' },
  )
  return { code: status, lines: stdout.split('\n').filter(Boolean) }
}

/** Of onescand's account. */
function ownDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  chownSync(directory, ONESCAN, ONESCAN)
  return directory
}
