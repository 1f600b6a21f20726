import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { extractPackages, native, packageOnce, packagingMissing } from './built-package.ts'

/** The files of all packages: Debian's, the RPM, `make install` and npm's. */

const root = join(import.meta.dirname, '../..')
const lines = (command: string, ...words: string[]) =>
  execFileSync(command, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')

/** What differs by the customs of a system, by what it is elsewhere: directories, compression, documents about the package. */
const common = (paths: readonly string[]) =>
  paths
    .map((path) =>
      path
        .replace(/^\.?\/(?:usr\/)?/, '')
        .replace('zsh/vendor-completions', 'zsh/site-functions')
        .replace(/(share\/man\/.*)\.gz$/, '$1'),
    )
    .filter((path) => path !== '' && !path.endsWith('/'))
    .filter((path) => !/^(etc|var)\/|^share\/(lintian|licenses)\/|doc\/[^/]+\/(copyright|changelog\S*|LICENSE)$/.test(path)) // biome-ignore format: a line
    .filter((path) => !/\.build-id/.test(path))
    .sort()

function ofMake(directory: string, runtime: 'compiled' | 'node'): readonly string[] {
  const words = [`DESTDIR=${directory}`, 'PREFIX=/usr', `RUNTIME=${runtime}`, `PROGRAMS=${native}`]
  execFileSync('make', ['install', ...words, `NODE=${process.execPath}`], {
    cwd: root,
    stdio: 'ignore',
  })
  return common(lines('find', directory, '-not', '-type', 'd', '-printf', '/%P\n'))
}

const skip = packagingMissing || lacks('make', 'rpm', 'rpmbuild')

t.test('packages have the same files', { skip }, async (t) => {
  const deb = await packageOnce('whole')
  const tree = openDirectory(t)
  extractPackages(deb, tree)
  const debian = common(lines('find', tree, '-not', '-type', 'd', '-printf', '/%P\n'))
  t.ok(debian.includes('share/bash-completion/completions/onescan'))
  t.ok(debian.includes('share/zsh/site-functions/_onescan'))
  t.same(ofMake(openDirectory(t), 'compiled'), debian, 'make install')

  const output = openDirectory(t)
  const rpms = lines(process.execPath, 'packaging/packages/rpm.mjs', '--output', output)
  const listed = lines('rpm', '--query', '--package', '--list', ...rpms)
  const directories = new Set(listed.map((path) => dirname(path)))
  t.same(common(listed.filter((path) => !directories.has(path))), debian, 'the RPMs')

  const node = ofMake(openDirectory(t), 'node')
  const shared = (paths: readonly string[]) =>
    paths.filter((path) => !path.startsWith('lib/onescan/'))
  t.same(shared(node), shared(debian), 'make install on Node')

  const packed = JSON.parse(
    lines('npm', 'pack', '--dry-run', '--json', '--ignore-scripts').join('\n'),
  )
  const npm = new Set<string>(packed[0].files.map(({ path }: { path: string }) => path))
  const inNpm = shared(debian)
    .filter((path) => path.startsWith('share/'))
    .map((path) =>
      path
        .replace('share/bash-completion/completions/onescan', 'dist/completion.bash')
        .replace('share/zsh/site-functions/_onescan', 'dist/completion.zsh')
        .replace('share/onescan/examples/plugins/onescan-plugin.d.ts', 'dist/plugin.d.ts')
        .replace('share/doc/onescan/THIRD-PARTY-LICENSES', 'dist/THIRD-PARTY-LICENSES')
        .replace(/^share\/man\/man\d\//, 'man/')
        .replace('share/onescan/self-test', 'packaging/shipped/scripts/self-test')
        .replace(/^share\/onescan\//, 'packaging/shipped/')
        .replace(/^share\/doc\/onescan\//, ''),
    )
  t.same(inNpm.filter((path) => !npm.has(path)), [], 'npm') // biome-ignore format: a line
})

t.test('make install for Node refuses an older one', { skip: lacks('make') }, async (t) => {
  const programs = t.testdir()
  writeFileSync(join(programs, 'node'), '#!/bin/sh\necho v20.20.2\n', { mode: 0o755 })
  const run = spawnSync('make', ['install', `DESTDIR=${programs}/stage`, 'RUNTIME=node', `NODE=${programs}/node`], { cwd: root, encoding: 'utf8' }) // biome-ignore format: a line
  t.not(run.status, 0)
  t.match(run.stderr, /node is Node v20\.20\.2, and RUNTIME=node needs 22\.15 or later/)
})

t.test('npm run package without git prints what to do', async (t) => {
  const copy = t.testdir()
  for (const path of ['package.json', 'packaging/packages/package-checkout.mjs']) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(root, path), join(copy, path))
  }
  const words = [join(copy, 'packaging/packages/package-checkout.mjs')]
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(
    stderr,
    /^npm run package: \S+ is not a clone: run git clone, or install the source tarball/,
  )
})
