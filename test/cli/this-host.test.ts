import { spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownDirectoriesMissing } from '../programs/host/own-directories.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { atTerminal, quoted } from '../programs/host/terminal.ts'
import { stampedBy } from '../scan/stamps/stamped.ts'
import { makeMachine } from './check/machine.ts'
import { bundle, searchPath } from './onescan.ts'

/** The commands that use the settings of this host's onescand if no option names others. */

const skip = ownDirectoriesMissing
const DEFAULTS = '/etc/default/onescand'
/** The group of those who may read keyrings. */
const KEEPERS = 54_324
const keyring = `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`

t.test('stamps are verified with its keyring', { skip }, async (t) => {
  const machine = makeMachine(t)
  const ring = '/etc/onescan/keys/clusterkeys'
  appendFileSync(machine.at('/etc/group'), `onescan-keys:x:${KEEPERS}:\n`)
  machine.write(ring, keyring, 0o640)
  chownSync(machine.at(ring), 0, KEEPERS)
  machine.write(DEFAULTS, `CLUSTERKEYS="${ring}"\n`)
  const run = (input: string, ...command: string[]) => {
    const [program = '', ...words] = machine.around([process.execPath, bundle, ...command, '-'])
    const env = { PATH: searchPath }
    return spawnSync(program, words, { env, input, encoding: 'latin1' })
  }
  const signed = stampedBy(keyring, Buffer.from('Subject: x\n\nhello\n')).toString()
  const verified = run(signed, 'verify')
  t.equal(verified.status, 0, verified.stdout)
  t.match(verified.stdout, /mine/)
})

t.test('at a terminal its log is read', { skip }, async (t) => {
  const machine = makeMachine(t)
  const file = join(openDirectory(t), 'mail')
  writeFileSync(
    file,
    'onescan: decision=accept scan=clean from=<ann@example.org> time=2026-11-19T10:00:00Z\n',
  )
  machine.write(DEFAULTS, `LOGFILE="${file}"\n`)
  const words = machine.around([process.execPath, bundle, 'log', '--from', 'ann@example.org'])
  const { code, output } = atTerminal(quoted(words), { ...process.env, PATH: searchPath })
  t.match(output, /ann@example\.org/)
  t.equal(code, 0, output)
})
