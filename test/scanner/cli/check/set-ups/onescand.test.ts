import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { complainsOnly } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { reachable, reachablePath } from '../../../../programs/host/reachable.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import {
  directoryOfOnescand,
  findingsOn,
  type Machine,
  makeMachine,
  ONESCAN,
  putPostfix,
  putSocket,
} from '../machine.ts'
import { type OnescandSetUp, setUps } from './onescand.ts'

/**
 * Set-ups of onescand behind Postfix, without systemd. `onescan check` shows what is wrong and what to do, and complains of
 * nothing else. The faults of a host with systemd are in test/packaging/broken-settings.ts.
 */

const skip = ownDirectoriesMissing || lacks('postconf')

const DEFAULTS = '/etc/default/onescand'
/** The words before a command that its account gives. */
const as = ['setpriv', `--reuid=${ONESCAN}`, `--regid=${ONESCAN}`, '--clear-groups', '--']
const program = newest.map((word) => reachable(word))

t.test('each set-up has its own name', async (t) => {
  t.equal(new Set(setUps.map(({ name }) => name)).size, setUps.length)
})

t.test('set-ups of onescand behind Postfix', { skip, jobs: 3 }, async (t) => {
  const chosen = setUps.filter(({ name }) => name.includes(process.env.SETUP ?? ''))
  await Promise.all(
    chosen.map((setUp) => t.test(setUp.name, { buffered: true }, (t) => trySetUp(t, setUp))),
  )
})

async function trySetUp(t: Test, setUp: OnescandSetUp): Promise<void> {
  const machine = makeMachine(t)
  const place = directoryOfOnescand(t)
  const milter = `unix:${place}/milter.sock`
  setUp.prepare?.(machine)
  const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', TMPDIR: place }
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
  const socket = `${place}/qmail.sock`
  putSocket(machine, socket)
  await startOnescand(t, {
    program: machine.around([...as, ...program]),
    socket,
    args: options.split(' '),
    settings: asWritten,
  })
  // The run script lets onescand check its settings before it starts.
  machine.write('/var/log/onescand/current', `${logOf(machine, asWritten)}onescand: serving\n`)
  complainsOnly(t, await findingsOn(machine), setUp.check)
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
