import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { writeAttributes } from '../../../src/base/protocol/policy-attributes.ts'
import { eicarMessage as infected } from '../../../src/scanner/readiness/test-mail/eicar-message.ts'
import { beside, standalonePrograms, missing as withoutCompiler } from '../../c/onescanc/client.ts'
import { makeOwnDirectories, ownDirectoriesMissing } from '../../programs/host/own-directories.ts'
import { programs as rcptquota } from '../../quota/onescan-rcptquota/program.ts'
import * as daemons from '../daemon/process.ts'
import { submitTo } from '../doors/milter/submit.ts'
import { runSlot, newest as slot } from '../doors/slot/slot.ts'
import { extendedAnswer, udpService } from '../scan/quota/services.ts'
import { bundle, searchPath } from './onescan.ts'

/** A host without /var/qmail has one switch for all doors. */

const skip = ownDirectoriesMissing || withoutCompiler

t.test('disable makes /etc/onescan/onescan.off, and enable removes it', { skip }, async (t) => {
  const etc = makeOwnDirectories(t, { '/etc': ['onescan'] })
  const file = etc.at('/etc/onescan/onescan.off')
  const run = (...words: string[]) => {
    const [command, ...rest] = etc.around([process.execPath, bundle, ...words])
    return spawnSync(command!, rest, { encoding: 'utf8', env: { PATH: searchPath } })
  }
  const off = run('disable')
  t.equal(off.status, 0, off.stderr)
  t.match(off.stdout, 'until "onescan enable" removes /etc/onescan/onescan.off')
  t.match(off.stdout, /this affects all interfaces of this host$/m)
  t.ok(existsSync(file))
  t.equal(statSync(etc.at('/etc/onescan')).mode & 0o777, 0o755, 'which every user may look into')
  t.match(run('disable').stdout, 'scanning is already disabled: ')
  t.match(run('enable').stdout, 'scanning is enabled: removed /etc/onescan/onescan.off')
  t.notOk(existsSync(file))
  t.match(
    run('enable').stdout,
    'scanning is enabled: was not disabled (no /etc/onescan/onescan.off, no /var/qmail/control',
  )
})

t.test('disable works under any umask', { skip }, async (t) => {
  const etc = makeOwnDirectories(t, { '/etc': ['onescan'] })
  const disable = [process.execPath, bundle, 'disable']
  const words = etc.around(['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh', ...disable])
  const off = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8', env: { PATH: searchPath } })
  t.equal(off.status, 0, off.stderr)
  t.equal(statSync(etc.at('/etc/onescan')).mode & 0o777, 0o755, 'which every user may look into')
})

t.test(
  'enable for one directory prints that scanning is still disabled on the host',
  { skip },
  async (t) => {
    const etc = makeOwnDirectories(t, { '/etc': ['onescan'] })
    mkdirSync(etc.at('/etc/onescan'))
    writeFileSync(etc.at('/etc/onescan/onescan.off'), '')
    const words = [process.execPath, bundle, 'enable', '--control', t.testdir()]
    const [command, ...rest] = etc.around(words)
    const { stdout } = spawnSync(command!, rest, { encoding: 'utf8', env: { PATH: searchPath } })
    t.match(stdout, 'scanning is still disabled on this host; run "onescan enable"')
    t.notMatch(stdout, 'is enabled')
  },
)

t.test('every interface obeys the switch and its removal immediately', { skip }, async (t) => {
  const etc = makeOwnDirectories(t, { '/etc': ['onescan'] })
  mkdirSync(etc.at('/etc/onescan'))
  const file = etc.at('/etc/onescan/onescan.off')
  const backend = await udpService(t, extendedAnswer({ 'full@example.org': [100, 100] }))
  const settings = {
    QHPSI: 'plugin: eicar',
    REJECTVIRUS: '1',
    QUOTAD: `quotad:127.0.0.1:${backend.port}`,
  }
  const places = ['milter', 'policy'].map((name) => join(etc.directory, name))
  const daemon = await daemons.startOnescand(t, {
    program: etc.around(daemons.newest),
    args: ['--milter', `unix:${places[0]}`, '--policy', `unix:${places[1]}`],
    settings,
  })
  const { QUOTAD: _, ...scanning } = settings

  const doors: Readonly<Record<string, () => Promise<boolean>>> = {
    'onescan-queue': async () => {
      const { code } = await runSlot({
        program: etc.around(slot),
        message: infected,
        settings: scanning,
      })
      return code === 0
    },
    onescanc: async () => {
      const { code, logged } = await runSlot({
        program: etc.around([beside(standalonePrograms(t).make('fails', 'exit 120'))]),
        message: infected,
        settings: { ...scanning, ONESCAN_SOCKET: daemon.socket },
      })
      if (code === 0) t.match(logged, 'reason="/etc/onescan/onescan.off exists"')
      return code === 0
    },
    'the socket of onescand': async () => {
      const got = await daemon.ask({ variables: { ...scanning }, message: infected })
      return got.does === 'hand on'
    },
    'its milter': async () => {
      return (await submitTo(places[0]!, { message: infected })).outcome === 'delivered'
    },
    'its policy service': async () => {
      return /^action=DUNNO/.test(await policyAnswer(places[1]!))
    },
    'onescan-rcptquota': async () => {
      const [command, ...words] = etc.around([rcptquota[0]!.program])
      const { stdout } = spawnSync(command!, words, {
        encoding: 'utf8',
        env: { SMTPRCPTTO: 'full@example.org', QUOTASOCKET: places[1]! },
      })
      return stdout === ''
    },
  }
  for (const [door, lets] of Object.entries(doors)) t.notOk(await lets(), `${door} is on`)
  writeFileSync(file, '')
  for (const [door, lets] of Object.entries(doors)) t.ok(await lets(), `${door} is off`)
  rmSync(file)
  for (const [door, lets] of Object.entries(doors)) t.notOk(await lets(), `${door} is on again`)
})

function policyAnswer(path: string): Promise<string> {
  const request = { request: 'smtpd_access_policy', protocol_state: 'RCPT' }
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.on('error', reject)
    socket.once('data', (bytes) => {
      resolve(bytes.toString())
      socket.destroy()
    })
    socket.write(writeAttributes({ ...request, recipient: 'full@example.org' }))
  })
}
