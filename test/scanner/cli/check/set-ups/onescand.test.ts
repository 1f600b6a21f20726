import { spawnSync } from 'node:child_process'
import { utimesSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { lacks } from '../../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { openDirectory, reachable, reachablePath } from '../../../../programs/host/reachable.ts'
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

/**
 * Broken set-ups of onescand behind Postfix. `onescan check` shows what is wrong and what to do, and
 * complains of nothing else. `onescand --check` shows what keeps onescand from starting.
 */

const skip = ownDirectoriesMissing || lacks('postconf')

const DEFAULTS = '/etc/default/onescand'
/** The words before a command that its account gives. */
const as = ['setpriv', `--reuid=${ONESCAN}`, `--regid=${ONESCAN}`, '--clear-groups', '--']
const program = newest.map((word) => reachable(word))

t.test('each set-up has its own name', async (t) => {
  t.equal(new Set(setUps.map(({ name }) => name)).size, setUps.length)
})

t.test('set-ups of onescand after the queue of Postfix', { skip, jobs: 3 }, async (t) => {
  const only = process.env.SETUP
  const chosen = setUps.filter(({ name }) => only === undefined || name.includes(only))
  const some = only === undefined && !isWhole ? firstOfEachFinding(chosen, linesFound) : chosen
  await Promise.all(
    some.map((setUp) => t.test(setUp.name, { buffered: true }, (t) => trySetUp(t, setUp))),
  )
})

/**
 * The level and the subject of each line. The tests of what finds the lines of the others, test/scanner/readiness/ and those beside this one, have
 * them, and so has `npm run test:nightly`.
 */
const linesFound = ({ check, runs }: OnescandSetUp) =>
  check.map(({ source }) => `${/^[^ ]+ [^ :\\]+/.exec(source)} ${runs}`)

async function trySetUp(t: Test, setUp: OnescandSetUp): Promise<void> {
  const machine = makeMachine(t)
  const place = directoryOfOnescand(t)
  const kept = openDirectory(t)
  const file = fileIn(kept, (path, text) => writeFileSync(path, text))
  const around: Around = { machine, place, kept, file }
  const milter = `unix:${place}/milter.sock`
  const basic = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', TMPDIR: place }
  const settings = { ...basic, ...setUp.settings?.(around) }
  const options = `--milter ${milter} --mode 0666`
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
  const isOld = setUp.runs === 'as it was'
  const isRunning = setUp.runs !== 'not'
  if (isRunning) {
    await startOnescand(t, {
      program: machine.around([...as, ...program]),
      socket,
      args: options.split(' '),
      settings: isOld ? basic : asWritten,
    })
  }
  // The run script lets onescand check its settings before it starts.
  const log = logOf(machine, asWritten)
  machine.write('/var/log/onescand/current', isRunning ? `${log}onescand: serving\n` : log)
  const later = new Date(Date.now() + 60_000)
  if (isOld) utimesSync(machine.at(DEFAULTS), later, later)
  const checkLines = await findingsOn(machine)
  const down = /^error onescand: does not answer; start onescand as /
  judge(t, checkLines, isRunning ? setUp.check : [down, ...setUp.check])
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
