import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { plain } from '../cases/messages.ts'
import { emulated, emulationMissing } from '../programs/host/emulated.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { callSlot } from '../stand-in/smtpd/call-slot.ts'
import { deliveries, makeMaildir, standInQueue } from '../stand-in/stand-in.ts'
import { packagingMissing } from './built-package.ts'

/** The package for arm64, as `npm run package -- --arch arm64` makes it elsewhere. */

const root = join(import.meta.dirname, '../..')
const missing = packagingMissing || emulationMissing
const tagged = `X-QHPSI: clean\n${plain.toString('latin1')}`

t.test('the package for arm64, built on x64', { skip: missing }, async (t) => {
  const output = openDirectory(t)
  const words = ['packaging/packages/deb.mjs', '--arch', 'arm64', '--output', output]
  const env = { ...process.env, COMPRESS: 'none' }
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root, env })
  const files = stdout.trim().split('\n')
  for (const path of files) execFileSync('dpkg-deb', ['--extract', path, join(output, 'tree')])
  const home = join(output, 'tree/usr/lib/onescan')
  const program = (name: string) => join(home, name)

  /** What a program writes that is run under emulation. */
  function run(...command: readonly string[]) {
    const [env, ...rest] = emulated(command)
    return spawnSync(env, rest, { encoding: 'utf8', env: { PATH: process.env.PATH } })
  }

  t.test('states that it is for arm64, and with which C library', async (t) => {
    t.equal(files.length, 4)
    for (const path of files) {
      t.match(path, /_[^_]+_arm64\.deb$/)
      const control = execFileSync('dpkg-deb', ['--field', path], { encoding: 'utf8' })
      t.match(control, /^Architecture: arm64$/m)
      if (path.includes('onescan-runtime')) t.match(control, /libc6 \(>= 2\.\d+\)/)
    }
  })

  t.test('has no program for another processor', async (t) => {
    const files = readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isFile())
    t.same(files.map(({ name }) => name).sort(), [
      'onescan-rcptquota',
      'onescan-run',
      'onescan-runtime',
      'onescan.node',
      'onescanc',
    ])
    for (const { name } of files) {
      const header = execFileSync('readelf', ['--file-header', program(name)], { encoding: 'utf8' })
      t.match(header, /Machine: +AArch64/, name)
    }
  })

  t.test('programs started for each message are static and small', async (t) => {
    for (const name of ['onescanc', 'onescan-rcptquota', 'onescan-run']) {
      const segments = execFileSync('readelf', ['--segments', '--wide', program(name)])
      t.notMatch(segments.toString(), 'INTERP', name)
      t.ok(statSync(program(name)).size < 200_000, `${name} is not linked with glibc`)
    }
  })

  t.test('its programs print their version', async (t) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const name of ['onescan', 'onescanc', 'onescan-rcptquota', 'onescand']) {
      const { stdout, stderr } = run(program(name), '--version')
      t.match(stdout, version, `${name}: ${stderr}`)
    }
  })

  t.test('its self-test finds the clean message and the infected one', async (t) => {
    const selfTest = join(output, 'tree/usr/share/onescan/self-test')
    const { status, stderr } = run('/bin/sh', selfTest, home)
    t.equal(stderr, '')
    t.equal(status, 0)
  })

  /** One message through onescanc, to a stand-in for qmail-queue of this machine. */
  async function send(t: Test, socket: string) {
    const { path: MAILDIR, remove } = makeMaildir()
    t.teardown(remove)
    const outcome = await callSlot({
      program: emulated([program('onescanc')]),
      message: plain,
      envelope: Buffer.from('Fann@example.org\0Tben@example.org\0\0'),
      environment: {
        PATH: process.env.PATH,
        PROTO: 'TCP',
        MAILDIR,
        QHPSI: 'plugin: eicar',
        CONTROLDIR: '/nonexistent',
        ONESCAN_SOCKET: socket,
        QUEUECHAIN: standInQueue(),
      },
    })
    const log = outcome.log.toString()
    t.equal(outcome.code, 0, log)
    t.same(
      deliveries(MAILDIR).map(({ message }) => message.toString('latin1')),
      [tagged],
      log,
    )
    return log
  }

  t.test('a message is judged standalone if no onescand runs', async (t) => {
    t.match(await send(t, '/nonexistent/socket'), 'decision=standalone')
  })

  t.test('a message is judged by onescand if onescand runs', async (t) => {
    const daemon = await startOnescand(t, {
      program: emulated([program('onescand')]),
      settings: { QHPSI: 'plugin: eicar', PROTO: 'TCP' },
    })
    // onescanc waits a second for the daemon's first word, and emulation is slow.
    const logs = [await send(t, daemon.socket)]
    while (logs.length < 20 && logs.at(-1)!.includes('is silent for too long')) {
      logs.push(await send(t, daemon.socket))
    }
    t.notMatch(logs.at(-1), 'decision=standalone', 'it goes warm when onescand answers in time')
  })
})
