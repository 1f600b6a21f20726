import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { callSlot } from '../../src/cli/inject/call-slot.ts'
import { plain } from '../cases/messages.ts'
import { newest, oldest } from '../doors/queue/slot.ts'
import { deliveries, makeMaildir, standInQueue } from '../stand-in/stand-in.ts'

/** What npm users get: the tarball, installed under a prefix of its own. */

const root = join(import.meta.dirname, '../..')
const manifest: { version: string; man: string[]; bin: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

// Not below the checkout, whose node_modules would be found from there.
const directory = mkdtempSync(join(tmpdir(), 'onescan-npm-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

// dist/ is there already; making it anew would pull it away from under other tests.
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
    'dist/plugin-host.cjs',
    'dist/plugin.d.ts',
    'packaging/examples/tcp.smtp',
    'packaging/examples/make-envdir',
    'packaging/supervise/onescand/run',
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

for (const [how, options] of [
  ['as it is', []],
  ['without install scripts', ['--ignore-scripts']],
] as const) {
  t.test(`npm install -g, ${how}, gives a slot that queues`, async (t) => {
    const prefix = join(directory, how.replaceAll(' ', '-'))
    const words = [
      'install',
      '-g',
      '--prefix',
      prefix,
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
    ]
    execFileSync('npm', [...words, ...options, join(directory, packed[0].filename)], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    for (const name of Object.keys(manifest.bin)) t.ok(existsSync(join(prefix, 'bin', name)), name)
    for (const page of manifest.man) {
      t.ok(existsSync(join(prefix, 'lib/node_modules/onescan', page)), page)
    }

    for (const [node] of [oldest, newest]) {
      const PATH = `${dirname(node!)}:/usr/bin:/bin`
      const version = spawnSync(join(prefix, 'bin/onescan'), ['--version'], {
        env: { PATH },
        encoding: 'utf8',
      })
      t.equal(version.stdout.trim(), manifest.version, version.stderr)

      const { path: MAILDIR, remove } = makeMaildir()
      t.teardown(remove)
      const outcome = await callSlot({
        program: [join(prefix, 'bin/onescan-queue')],
        message: plain,
        envelope: Buffer.from('Fann@example.org\0Tben@example.org\0\0'),
        environment: {
          PATH,
          MAILDIR,
          QHPSI: 'plugin: eicar',
          CONTROLDIR: '/nonexistent',
          QUEUECHAIN: standInQueue(),
        },
      })
      t.equal(outcome.code, 0, outcome.log.toString())
      t.same(
        deliveries(MAILDIR).map(({ message }) => message.toString('latin1')),
        [`X-QHPSI: clean\n${plain.toString('latin1')}`],
      )
    }
  })
}
