import { execFileSync, spawnSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MALLORY } from '../cli/hostile/owner.ts'
import { openDirectory } from '../programs/reachable.ts'

/**
 * The run scripts, called by root where the accounts of their services have put what they like
 * into the directories that are theirs. Which scripts there are, packaging/supervise/ says.
 */

const supervise = join(import.meta.dirname, '../../packaging/supervise')
const skip = process.getuid?.() !== 0 && 'run as root'
const scripts = readdirSync(supervise).flatMap((name) => [`${name}/run`, `${name}/log/run`])
/** Milliseconds for a script whose program has nothing to do. */
const LIMIT = 30_000

/** Directories that a script gives to an account, or that one may have. */
const THEIRS = [
  ...['run/clamav', 'run/onescand', 'var/spool/postfix/onescan'],
  ...['clamd', 'freshclam', 'onescand', 'onescan-quotad'].map((name) => `var/log/${name}`),
]
/** What is in them is named so. */
const NAMES = [
  'onescan-clamd.conf',
  'clamd.conf',
  'current',
  'lock',
  'state',
  'slot.sock',
  'clamd.ctl',
]

type Put = (path: string, at: (name: string) => string) => void
const puts: Readonly<Record<string, Put>> = {
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a link to a secret': (path, at) => symlinkSync(at('secret'), path),
  'a link to a place of root': (path, at) => symlinkSync(at('target/made'), path),
  'a device': (path) => symlinkSync('/dev/zero', path),
}

function makeHost(t: Test, put: Put) {
  const home = openDirectory(t)
  const at = (name: string) => join(home, name)
  for (const name of ['etc/clamav', 'etc/default', 'target', 'var/log', 'run', ...THEIRS]) {
    mkdirSync(at(name), { recursive: true })
  }
  writeFileSync(at('secret'), 'secret\n', { mode: 0o600 })
  writeFileSync(at('etc/clamav/clamd.conf'), 'LocalSocket /x\n')
  for (const name of ['onescand', 'onescan-quotad']) {
    writeFileSync(at(`etc/default/${name}`), 'ONESCAND_OPTIONS=""\nONESCAN_QUOTAD_OPTIONS=""\n')
  }
  for (const directory of THEIRS) {
    for (const name of NAMES) put(join(at(directory), name), at)
    execFileSync('chown', ['-Rh', `${MALLORY}:${MALLORY}`, at(directory)])
  }
  return at
}

/** The script with this host's places, and a program that only says as whom it runs. */
function scriptFor(name: string, at: (name: string) => string): string {
  const account = String(MALLORY)
  return readFileSync(join(supervise, name), 'utf8')
    .replaceAll(/(?<![\w.])\/(etc|run|var)\//g, (_, top: string) => `${at(top)}/`)
    .replaceAll(/-o (?!root)[\w-]+ -g (?!root)[\w-]+/g, `-o ${account} -g ${account}`)
    .replaceAll(/chown -h [\w-]+/g, `chown -h ${account}`)
    .replace(/^(?:exec )?\$session [\s\S]*$/m, 'exec true\n')
}

t.test('every service has its two scripts here', async (t) => {
  t.ok(scripts.length >= 8)
  for (const name of scripts) t.ok(existsSync(join(supervise, name)), name)
})

for (const [what, put] of Object.entries(puts)) {
  t.test(`no run script is led elsewhere, or waits, by ${what}`, { skip }, async (t) => {
    for (const name of scripts) {
      const at = makeHost(t, put)
      const text = scriptFor(name, at)
      t.notMatch(text, /(?<![\w./-])\/(run|var)\//, `${name} is led to this host alone`)
      const { status, error } = spawnSync('/bin/sh', ['-c', text], { timeout: LIMIT })
      t.equal(error, undefined, `${name} ends`)
      t.equal(status, 0, name)
      t.equal(readFileSync(at('secret'), 'latin1'), 'secret\n', name)
      t.equal(statSync(at('secret')).uid, 0, name)
      t.equal(statSync(at('secret')).mode & 0o777, 0o600, name)
      t.same(readdirSync(at('target')), [], name)
    }
  })
}

t.test('a link in the place of a log directory gives nobody a way in', { skip }, async (t) => {
  for (const name of scripts.filter((script) => script.includes('/log/'))) {
    const at = makeHost(t, () => {})
    const directory = at(`var/log/${name.split('/')[0]}`)
    execFileSync('rm', ['-r', directory])
    symlinkSync(at('target'), directory)
    execFileSync('chown', ['-h', String(MALLORY), directory])
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', scriptFor(name, at)])
    t.equal(status, 111, name)
    t.match(`${stdout}${stderr}`, /is a link that is not root's: remove it/)
    t.equal(statSync(at('target')).uid, 0)
  }
})

t.test('logs of an older package change hands, and nothing that is linked', { skip }, async (t) => {
  const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }))
  const at = makeHost(t, () => {})
  writeFileSync(at('var/log/onescand/current'), 'a line\n')
  chownSync(at('var/log/onescand/current'), nobody, nobody)
  symlinkSync(at('secret'), at('var/log/onescand/state'))
  execFileSync('chown', ['-h', 'nobody', at('var/log/onescand/state')])
  t.equal(spawnSync('/bin/sh', ['-c', scriptFor('onescand/log/run', at)]).status, 0)
  for (const name of ['current', 'state']) {
    t.equal(lstatSync(at(`var/log/onescand/${name}`)).uid, MALLORY)
  }
  t.equal(statSync(at('secret')).uid, 0)
})
