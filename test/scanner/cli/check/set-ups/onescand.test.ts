import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { lacks } from '../../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../../../programs/host/reachable.ts'
import { clamdMissing } from '../../../../programs/servers/clamd.ts'
import { startStore, storeMissing } from '../../../../programs/servers/store-server.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import {
  directoryOfOnescand,
  findingsOn,
  firstOfEachFinding,
  judge,
  type Machine,
  makeMachine,
  ONESCAN,
  putPostfix,
  putSocket,
} from '../machine.ts'
import { type Around, fileIn, type OnescandSetUp, setUps } from './onescand.ts'
import { startSharedServers } from './shared-servers.ts'

/**
 * Broken set-ups of onescand behind Postfix. `onescan check` shows what is wrong and what to do, and
 * complains of nothing else. `onescand --check` shows what keeps onescand from starting.
 */

const skip = ownDirectoriesMissing || clamdMissing || storeMissing || lacks('postconf')

const DEFAULTS = '/etc/default/onescand'
/** The words before a command that its account gives. */
const as = ['setpriv', `--reuid=${ONESCAN}`, `--regid=${ONESCAN}`, '--clear-groups', '--']
const program = newest.map((word) => reachable(word))

t.test('each set-up has its own name', async (t) => {
  t.equal(new Set(setUps.map(({ name }) => name)).size, setUps.length)
})

t.test('set-ups of onescand after the queue of Postfix', { skip, jobs: 3 }, async (t) => {
  const store = await startStore(t, { args: ['--requirepass', 'secret'] })
  const shared = { ...(await startSharedServers(t)), store: `127.0.0.1:${store.port}` }
  const only = process.env.SETUP
  const chosen = setUps.filter(({ name }) => only === undefined || name.includes(only))
  const some = only === undefined && !isWhole ? firstOfEachFinding(chosen, linesFound) : chosen
  await Promise.all(
    some.map((setUp) => t.test(setUp.name, { buffered: true }, (t) => trySetUp(t, setUp, shared))),
  )
  if (only === undefined) t.ok(carriedOut >= 1, `${carriedOut} remedies are carried out`)
})

/**
 * The level and the subject of each line. The tests of what finds the lines of the others, test/scanner/readiness/ and those beside this one, have
 * them, and so has `npm run test:nightly`.
 */
const linesFound = ({ check, runs }: OnescandSetUp) =>
  check.map(({ source }) => `${/^[^ ]+ [^ :\\]+/.exec(source)} ${runs}`)

type Shared = Omit<Around, 'machine' | 'place' | 'kept' | 'file'>

async function trySetUp(t: Test, setUp: OnescandSetUp, shared: Shared): Promise<void> {
  const machine = makeMachine(t)
  const place = directoryOfOnescand(t)
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
  if (setUp.quotad !== undefined) {
    machine.write('/etc/service/onescan-quotad/run', '')
    machine.write('/var/log/onescan-quotad/current', setUp.quotad)
  }
  putPostfix(machine, [
    `smtpd_milters = ${milter}`,
    'non_smtpd_milters = $smtpd_milters',
    'milter_default_action = tempfail',
  ])
  const asWritten = environmentBy(text)
  // This comes before the daemon is started, which then holds the addresses.
  const started = setUp.start === undefined ? undefined : startOf(asWritten)
  const socket = `${place}/qmail.sock`
  putSocket(machine, socket)
  const start = async (words: string, settings: Readonly<Record<string, string>>) => {
    const args = words.split(' ')
    return startOnescand(t, {
      program: machine.around([...as, ...program]),
      socket,
      args,
      settings,
    })
  }
  const isOld = setUp.runs === 'as it was'
  const words = isOld ? `--milter ${milter} --mode 0666` : (asWritten.ONESCAND_OPTIONS ?? '')
  const daemon = setUp.runs === 'not' ? undefined : await start(words, isOld ? basic : asWritten)
  // The run script lets onescand check its settings before it starts.
  const log = logOf(machine, asWritten)
  machine.write('/var/log/onescand/current', daemon ? `${log}onescand: serving\n` : log)
  const later = new Date(Date.now() + 60_000)
  if (isOld) utimesSync(machine.at(DEFAULTS), later, later)
  const checkLines = await findingsOn(machine)
  const down = /^error onescand: does not answer; start onescand as /
  judge(t, checkLines, daemon ? setUp.check : [down, ...setUp.check])
  if (await carryOut(checkLines, around)) {
    daemon?.kill()
    await daemon?.ended
    const mended = environmentBy(readFileSync(machine.at(DEFAULTS), 'utf8'))
    await start(mended.ONESCAND_OPTIONS ?? '', mended)
    judge(t, await findingsOn(machine), [])
  }
  if (started === undefined) return
  for (const line of setUp.start ?? []) {
    t.ok(
      started.lines.some((printed) => line.test(printed)),
      `--check: ${line}`,
      started,
    )
  }
  t.equal(started.code !== 0, setUp.runs === 'not', 'the code is that of a start', started)
  if (setUp.runs === undefined) t.equal(started.code, 0, 'it starts', started)
}

/**
 * Carries out the remedies if each is a command about files of the set-up, or an edit of the file of
 * settings. Returns whether they are.
 */
async function carryOut(checkLines: readonly CheckLine[], around: Around): Promise<boolean> {
  const { machine, kept } = around
  const complaints = checkLines.filter(
    ({ level, what }) => level !== 'ok' && !what.startsWith('infected mail'),
  )
  const steps = complaints.map(({ value, remedy = '' }) => {
    const [, unset] = /^unset ([A-Z_]+)\b/.exec(remedy) ?? []
    const [, line] = /^write ([A-Z_]+=".*")/.exec(remedy) ?? []
    const [command, file = ''] = /^(?:ch(?:mod|grp)|sed) .*?(\/[^ ]*)/.exec(remedy) ?? []
    const own = file.startsWith(kept) || file === DEFAULTS
    const edit = (change: (text: string) => string) => () => {
      const before = readFileSync(machine.at(DEFAULTS), 'utf8')
      machine.write(DEFAULTS, change(before))
    }
    if (unset !== undefined)
      return edit((text) => text.replace(new RegExp(`^${unset}=.*\n`, 'm'), ''))
    if (line !== undefined) {
      const wrong = value.slice(0, value.search(/ (?:has|begins) /))
      return edit((text) => text.replace(wrong, line))
    }
    const [shell, ...words] = machine.around(['/bin/sh', '-c', remedy.replace(/ \(.*\)$/, '')])
    return command !== undefined && own ? () => void execFileSync(shell!, words) : undefined
  })
  if (steps.length === 0 || steps.includes(undefined)) return false
  for (const step of steps) step!()
  carriedOut += steps.length
  return true
}

let carriedOut = 0

/** The variables that sh reads in the file. */
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

/** What sh and onescand print when the run script reads its settings. */
function logOf(machine: Machine, env: Record<string, string>): string {
  const check = `set -a; . ${DEFAULTS}; set +a; exec "$@" --check-settings --socket none $ONESCAND_OPTIONS`
  const script = ['/bin/sh', '-c', `exec 2>&1; ${check}`, 'sh', ...as, ...program]
  const [shell, ...words] = machine.around(script)
  const { PATH = reachablePath() } = env
  return spawnSync(shell!, words, { env: { PATH }, encoding: 'utf8' }).stdout
}

/** Runs `onescand --check` as its user. */
function startOf(env: Record<string, string>): { code: number | null; lines: string[] } {
  const words = (env.ONESCAND_OPTIONS ?? '').split(/[ \t\n]+/).filter(Boolean)
  const { status, stdout } = spawnSync(
    program[0]!,
    [...program.slice(1), '--check', '--socket', 'none', ...words],
    { env: { PATH: reachablePath(), ...env }, uid: ONESCAN, gid: ONESCAN, encoding: 'utf8' },
  )
  return { code: status, lines: stdout.split('\n').filter(Boolean) }
}
