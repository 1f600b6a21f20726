import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t, { type Test } from 'tap'

const integrity = 'sha512-x'
const locked = (dependencies: Record<string, string>, more: object = {}) =>
  JSON.stringify({
    packages: {
      '': { dependencies },
      'node_modules/esbuild': { version: '1.0.0', integrity, dev: true },
      'node_modules/library': { version: '2.0.0', integrity, dependencies: { part: '^3' } },
      'node_modules/library/node_modules/part': { version: '3.0.0', integrity },
      'node_modules/part': { version: '4.0.0', integrity, dev: true },
      'node_modules/tool': { version: '5.0.0', integrity, dev: true },
      ...more,
    },
  })

/**
 * A checkout with the real starter in it, whose npm, build, bundler and trial write
 * down that they were called, and make what the real ones make.
 */
function makeCheckout(t: Test) {
  const root = mkdtempSync(join(tmpdir(), 'onescan-test-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const put = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), mode)
  }
  for (const path of [
    'test/try/run.mjs',
    'test/try/outdated.mjs',
    'packaging/install-locked.mjs',
  ]) {
    put(path, '')
    copyFileSync(join(import.meta.dirname, '../..', path), join(root, path))
  }
  put('package.json', '{}')
  put('packaging/bundled.mjs', `export const bundled = ['library']`)
  put('package-lock.json', locked({ library: '^2' }))
  put('src/engine/engine.ts', '')
  put(
    'programs/npm',
    `#!/bin/sh
echo "npm $1" >>${root}/calls
mkdir -p node_modules/esbuild node_modules/library/node_modules/part
cp package-lock.json node_modules/.package-lock.json
exit $NPM_EXIT
`,
    0o755,
  )
  const note = (text: string) => `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
appendFileSync('calls', ${JSON.stringify(`${text}\n`)})`
  put(
    'packaging/build.mjs',
    `${note('build')}
mkdirSync('dist', { recursive: true }), writeFileSync('dist/onescan-queue.cjs', '')`,
  )
  put(
    'test/try/bundle.mjs',
    `import { fileURLToPath } from 'node:url'
export const bundleTrial = async () => fileURLToPath(new URL('trial.mjs', import.meta.url))`,
  )
  put('test/try/trial.mjs', `${note('trial')}\nprocess.exitCode = Number(process.argv[2] ?? 0)`)

  const calls = join(root, 'calls')
  return {
    root,
    put,
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
    /** As if the file had been made that many seconds ago; in the future where negative. */
    age(path: string, seconds: number) {
      const then = Date.now() / 1000 - seconds
      utimesSync(join(root, path), then, then)
    },
    run(args: readonly string[] = [], env: Record<string, string> = {}) {
      rmSync(calls, { force: true })
      const directories = [join(root, 'node_modules/.bin'), join(root, 'programs')]
      const PATH = [...directories, dirname(process.execPath), process.env.PATH].join(delimiter)
      const { status, stderr } = spawnSync(
        process.execPath,
        [join(root, 'test/try/run.mjs'), ...args],
        { cwd: root, env: { PATH, NPM_EXIT: '0', ...env }, encoding: 'utf8' },
      )
      const called = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []
      return {
        status,
        stderr,
        called,
      }
    },
  }
}

t.test('the first run installs and builds; the second one does neither', async (t) => {
  const checkout = makeCheckout(t)
  t.same(checkout.run().called, ['npm ci', 'build', 'trial'])
  t.same(checkout.run().called, ['trial'])
})

t.test('what is bundled is installed with all that it needs, and no tool beside', async (t) => {
  const checkout = makeCheckout(t)
  checkout.run()
  const { packages } = JSON.parse(checkout.read('node_modules/.package-lock.json'))
  t.same(packages, {
    '': { dependencies: { esbuild: '1.0.0', library: '2.0.0' } },
    'node_modules/esbuild': { version: '1.0.0', integrity },
    'node_modules/library': { version: '2.0.0', integrity, dependencies: { part: '^3' } },
    'node_modules/library/node_modules/part': { version: '3.0.0', integrity },
  })
  t.same(readdirSync(join(checkout.root, 'build')), [], 'nothing is left behind')
})

t.test('a change of the lock file installs again if it concerns a bundled package', async (t) => {
  const checkout = makeCheckout(t)
  checkout.run()
  const changed = { version: '6.0.0', integrity: 'sha512-y' }
  checkout.put('package-lock.json', locked({ library: '^2' }, { 'node_modules/tool': changed }))
  t.same(checkout.run().called, ['trial'])
  const part = 'node_modules/library/node_modules/part'
  checkout.put('package-lock.json', locked({ library: '^2' }, { [part]: changed }))
  t.same(checkout.run().called, ['npm ci', 'trial'])
})

t.test('a missing build, and any change below src, builds again', async (t) => {
  const checkout = makeCheckout(t)
  checkout.run()
  const again = (why: string) => {
    t.same(checkout.run().called, ['build', 'trial'], why)
    t.same(checkout.run().called, ['trial'], 'and then no more')
  }
  checkout.remove('dist')
  again('no dist')
  checkout.age('dist/onescan-queue.cjs', 60)
  for (const path of ['src/engine/engine.ts', 'src/engine', 'src', 'packaging/build.mjs']) {
    checkout.age(path, 120)
  }
  t.same(checkout.run().called, ['trial'], 'all sources are older')
  checkout.age('src/engine/engine.ts', 30)
  again('a file below src is newer')
  checkout.age('dist/onescan-queue.cjs', 60)
  checkout.age('src/engine/engine.ts', 120)
  checkout.remove('src/engine/engine.ts')
  again('a file below src was removed')
})

t.test('if the installation fails, nothing else is run', async (t) => {
  const { status, called, stderr } = makeCheckout(t).run([], { NPM_EXIT: '7' })
  t.equal(status, 2)
  t.same(called, ['npm ci'])
  t.match(stderr, 'npm run try: npm ci failed')
})

t.test('arguments reach the trial, and its exit code the caller', async (t) => {
  t.equal(makeCheckout(t).run(['3']).status, 3)
})
