import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { bundled, bundledPackages } from '../../packaging/builds/bundled.mjs'
import { partOf } from '../../packaging/toolchain/install-locked.mjs'
import { plain } from '../cases/messages.ts'
import { lacks } from '../needs.mjs'
import { openDirectory, reachablePath } from '../programs/host/reachable.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { newest, oldest } from '../scanner/doors/slot/slot.ts'
import { callSlot } from '../stand-in/smtpd/call-slot.ts'
import { deliveries, makeMaildir, standInQueue } from '../stand-in/stand-in.ts'
import { checkOwnPlugin } from './own-plugin.ts'

/** What npm users get: the tarball, installed under a prefix of its own. */

const NOBODY = 65534
const root = join(import.meta.dirname, '../..')
interface Manifest {
  readonly version: string
  readonly man: readonly string[]
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const manifest: Manifest = json('package.json')

// Not below the checkout, whose node_modules would be found from there.
const directory = openDirectory(t)

execFileSync(process.execPath, ['packaging/builds/build-for-npm.mjs', '--all'], { cwd: root })
// dist/ is there already; making it again would pull it away from under other tests.
const packed: [{ filename: string; files: { path: string }[] }] = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
)
const files = packed[0].files.map(({ path }) => path)

t.test('the tarball has what is needed, and nothing else', async (t) => {
  for (const needed of [
    ...Object.values(manifest.bin),
    ...manifest.man,
    'dist/onescan.cjs',
    'dist/onescan-queue.cjs',
    'dist/onescand.cjs',
    'dist/onescan-plugin-host.cjs',
    'dist/onescan-clamscan.cjs',
    'dist/plugin.d.ts',
    'dist/THIRD-PARTY-LICENSES',
    'packaging/shipped/examples/qmail/tcp.smtp',
    'packaging/shipped/examples/qmail/make-envdir',
    'packaging/shipped/supervise/onescand/run',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ]) {
    t.ok(files.includes(needed), needed)
  }
  t.same(
    files.filter((path) => /^(src|test|build|node_modules)\/|\.(ts|c)$/.test(path)),
    ['dist/plugin.d.ts'],
  )
})

t.test('an installation brings no other package, and runs no script', async (t) => {
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies']) {
    t.notOk(kind in manifest, kind)
  }
  t.notOk(['preinstall', 'install', 'postinstall'].some((name) => name in manifest.scripts))
})

t.test('no program holds the names of the tools that it was built with', async (t) => {
  const programs = files.filter((path) => path.endsWith('.cjs'))
  t.ok(programs.length > 5)
  for (const path of programs) t.notMatch(readFileSync(join(root, path), 'utf8'), '@biomejs/biome')
})

t.test(
  'the bundles hold the packages that packaging/builds/bundled.mjs names, and their licences',
  async (t) => {
    const names = bundledPackages(root).map(({ path }) => path.replace('node_modules/', ''))
    const wanted = bundled.filter((name) => names.includes(name))
    t.same(wanted, bundled)
    const needed = partOf(json('package-lock.json'), bundled)
    t.same(
      names.filter((name) => !(`node_modules/${name}` in needed)),
      [],
    )
    const text = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES'), 'utf8')
    t.match(text, 'onescanc and onescan-rcptquota are linked statically with')
    for (const { name, version } of bundledPackages(root)) {
      const [, notice = ''] = text.split(`\n${name} ${version}\n\n`)
      const [own] = notice.split('-'.repeat(72))
      t.match(own, /MIT|ISC|BSD|Apache|Blue Oak|Permission is hereby granted/, `${name} ${version}`)
    }
  },
)

/** Everyone's words to npm; the cache is of the user that runs it. */
function install(
  prefix: string,
  options: readonly string[],
  user: Parameters<typeof spawnSync>[2],
) {
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier']
  const words = ['install', '-g', '--foreground-scripts', '--prefix', prefix, ...quiet, ...options]
  return spawnSync('npm', [...words, join(directory, packed[0].filename)], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
    encoding: 'utf8',
  })
}

/** What `npm test` knows of itself and of its own user's files is not for an npm of another one. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('npm_')))
}

/** One message through a slot program, which has to arrive with its tag; what was logged. */
async function send(t: Test, program: string, environment: Record<string, string>) {
  const { path: MAILDIR, remove } = makeMaildir()
  t.teardown(remove)
  const outcome = await callSlot({
    program: [program],
    message: plain,
    envelope: Buffer.from('Fann@example.org\0Tben@example.org\0\0'),
    environment: {
      MAILDIR,
      PROTO: 'TCP',
      QHPSI: 'plugin: eicar',
      CONTROLDIR: '/nonexistent',
      QUEUECHAIN: standInQueue(),
      ...environment,
    },
  })
  const log = outcome.log.toString()
  t.equal(outcome.code, 0, log)
  t.same(
    deliveries(MAILDIR).map(({ message }) => message.toString('latin1')),
    [`X-QHPSI: clean\n${plain.toString('latin1')}`],
  )
  return log
}

t.test('npm install -g without install scripts gives a slot that queues', async (t) => {
  const prefix = join(directory, 'without-scripts')
  const { status, stderr } = install(prefix, ['--ignore-scripts'], {})
  t.equal(status, 0, String(stderr))
  for (const [node] of [oldest, newest]) {
    const PATH = `${dirname(node!)}:/usr/bin:/bin`
    await send(t, join(prefix, 'bin/onescan-queue'), { PATH })
  }
})

t.test('npm install -g works with install scripts, too', async (t) => {
  const home = openDirectory(t)
  const uid = process.getuid!() === 0 ? NOBODY : undefined
  if (uid !== undefined) for (const path of [home, directory]) chownSync(path, uid, uid)
  const user = {
    ...(uid !== undefined && { uid, gid: uid }),
    env: { ...withoutNpm(process.env), PATH: reachablePath(), HOME: home },
  }
  const { status, stdout, stderr } = install(home, [], user)
  t.equal(status, 0, String(stderr))
  const own = (path: string) => join(home, 'lib/node_modules/onescan', path)

  t.test('npm installs one package, and runs no script', async (t) => {
    t.match(stdout, /^added 1 package /m)
    t.notMatch(stdout, /^> /m)
  })

  t.test('the installation has the man pages, and programs that print their version', async (t) => {
    for (const page of manifest.man) t.ok(existsSync(own(page)), page)
    for (const name of Object.keys(manifest.bin)) {
      const run = spawnSync(join(home, 'bin', name), ['--version'], { ...user, encoding: 'utf8' })
      t.match(run.stdout, manifest.version, `${name}: ${run.stderr}`)
      t.equal(run.status, 0, name)
    }
  })

  t.test('QMAILQUEUE leads to onescanc, which asks onescand', async (t) => {
    const queue = join(socketDirectory(t), 'queue')
    const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()
    symlinkSync(own(`bin/${machine}/onescanc`), queue)
    const { PATH } = user.env
    t.match(
      await send(t, queue, { PATH, ONESCAN_SOCKET: '/nonexistent/socket' }),
      'decision=standalone',
      'without onescand it finds onescan-queue',
    )

    const daemon = await startOnescand(t, {
      program: [join(home, 'bin/onescand')],
      settings: { PATH, QHPSI: 'plugin: eicar', PROTO: 'TCP' },
      ...(uid !== undefined && { uid }),
    })
    const warm = { PATH, ONESCAN_SOCKET: daemon.socket }
    for (const program of [queue, join(home, 'bin/onescanc')]) {
      t.notMatch(await send(t, program, warm), 'decision=standalone', program)
    }
  })

  t.test('plugins of its own work, with npm packages beside them', async (t) => {
    checkOwnPlugin(t, join(home, 'bin/onescan'), user.env.PATH)
  })

  t.test(
    'without a compiled onescanc for the processor mail is scanned standalone, and quotas are not asked',
    async (t) => {
      const programs = openDirectory(t)
      writeFileSync(join(programs, 'uname'), '#!/bin/sh\necho vax\n', { mode: 0o755 })
      const PATH = `${programs}:${user.env.PATH}`
      const log = await send(t, join(home, 'bin/onescanc'), { PATH })
      t.match(log, 'decision=accept')
      t.notMatch(log, 'decision=standalone')
      const quota = spawnSync(join(home, 'bin/onescan-rcptquota'), {
        env: { PATH },
        encoding: 'utf8',
      })
      t.match(quota, {
        status: 0,
        stdout: '',
        stderr: /^onescan-rcptquota: no program for vax in /,
      })
    },
  )
})

t.test('its programs in C are static, for both processors', async (t) => {
  for (const machine of ['x86_64', 'aarch64']) {
    for (const name of ['onescanc', 'onescan-rcptquota']) {
      const program = `bin/${machine}/${name}`
      t.ok(files.includes(program), program)
      const bytes = readFileSync(join(root, program))
      // elf(5): e_machine; and no program header of an interpreter, whose path would be in it.
      t.equal(bytes.readUInt16LE(18), machine === 'x86_64' ? 62 : 183, program)
      t.notOk(bytes.includes('/lib/ld-') || bytes.includes('/lib64/ld-'), program)
    }
  }
})

t.test(
  'onescan.node is there for both processors, and for glibc and musl alike',
  { skip: lacks('readelf') },
  async (t) => {
    for (const machine of ['x86_64', 'aarch64']) {
      const addon = `bin/${machine}/onescan.node`
      t.ok(files.includes(addon), addon)
      t.equal(readFileSync(join(root, addon)).readUInt16LE(18), machine === 'x86_64' ? 62 : 183)
      const readelf = (word: string) =>
        execFileSync('readelf', ['--wide', word, join(root, addon)], { encoding: 'utf8' })
      t.notMatch(readelf('--dynamic'), 'NEEDED', 'it names no library')
      t.equal(readelf('--version-info'), '\nNo version information found in this file.\n')
    }
  },
)
