import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t, { type Test } from 'tap'

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
  for (const name of ['run.mjs', 'outdated.mjs']) {
    put(`test/try/${name}`, '')
    copyFileSync(join(import.meta.dirname, name), join(root, 'test/try', name))
  }
  put('package-lock.json', '{}')
  put('src/engine/engine.ts', '')
  put(
    'programs/npm',
    `#!/bin/sh
echo "npm $1 with $(command -v node)" >>calls
rm -rf node_modules dist && mkdir -p node_modules dist && : >node_modules/.package-lock.json
: >dist/onescan-queue.cjs
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
    put,
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
        called: called.map((line) => line.split(' with ')[0]),
        lines: called,
      }
    },
  }
}

t.test('the first run installs, which builds; the second one does neither', async (t) => {
  const checkout = makeCheckout(t)
  t.same(checkout.run().called, ['npm ci', 'trial'])
  t.same(checkout.run().called, ['trial'])
})

t.test('a change of the lock file installs again', async (t) => {
  const checkout = makeCheckout(t)
  checkout.run()
  checkout.age('package-lock.json', -60)
  t.equal(checkout.run().called[0], 'npm ci')
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

t.test('npm runs on the Node of the machine, not on one that it is about to remove', async (t) => {
  const checkout = makeCheckout(t)
  checkout.put('node_modules/.bin/node', '#!/bin/sh\nexit 99\n', 0o755)
  const { lines } = checkout.run()
  t.match(lines[0], /^npm ci with \//)
  t.equal(lines[0]?.endsWith('node_modules/.bin/node'), false)
})

t.test('where the installation fails nothing else is run', async (t) => {
  const { status, called, stderr } = makeCheckout(t).run([], { NPM_EXIT: '7' })
  t.equal(status, 2)
  t.same(called, ['npm ci'])
  t.match(stderr, 'npm run try: npm ci failed')
})

t.test('arguments reach the trial, and its exit code the caller', async (t) => {
  t.equal(makeCheckout(t).run(['3']).status, 3)
})

t.test('the starter itself needs nothing that is not in Node 20', async (t) => {
  const oldest = join(import.meta.dirname, '../../node_modules/node-oldest/bin/node')
  if (!existsSync(oldest)) return t.comment('no node-oldest')
  for (const name of ['run.mjs', 'outdated.mjs', 'bundle.mjs']) {
    execFileSync(oldest, ['--check', join(import.meta.dirname, name)])
  }
})
