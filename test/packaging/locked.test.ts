import { execFileSync, spawnSync } from 'node:child_process'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { newestNode, oldestNode, toolsNode } from '../../packaging/toolchain/toolchain.mjs'
import { openDirectory, reachable } from '../programs/host/reachable.ts'
import { PLAIN } from '../scanner/cli/onescan.ts'

/** What builds and tests onescan is what the lock files name, to the byte. */

const root = join(import.meta.dirname, '../..')
const locks = [
  'package-lock.json',
  'packaging/toolchain/package-lock.json',
  'test/programs/clamd-clients/package-lock.json',
]

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
}

const packagesOf = (lock: string): Record<string, Locked> =>
  JSON.parse(readFileSync(join(root, lock), 'utf8')).packages

for (const lock of locks) {
  t.test(`${lock} pins each package with integrity`, async (t) => {
    const packages = Object.entries(packagesOf(lock)).filter(([path]) => path !== '')
    t.ok(packages.length > 4)
    for (const [path, { integrity }] of packages) t.match(integrity, /^sha512-/, path)
  })
}

t.test('no package of the toolchain has an install script, and few others have one', async (t) => {
  const scripted = locks.map((lock) =>
    Object.entries(packagesOf(lock)).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path] : [],
    ),
  )
  t.same(scripted, [['node_modules/esbuild'], [], []])
})

t.test('node_modules/.bin has no node', async (t) => {
  t.notOk(existsSync(join(root, 'node_modules/.bin/node')))
})

t.test('the oldest Node is that of package.json, and the others differ', async (t) => {
  const version = (node: string) => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  // npm has no Node 22.15 for arm64: there the oldest is 22.18.
  const oldest = process.arch === 'x64' ? version(oldestNode) : 'v22.15.0'
  t.equal(engines.node, `>=${oldest.slice(1).replace(/\.0$/, '')}`)
  t.equal(version(toolsNode), process.version)
  t.ok(Number.parseInt(version(newestNode).slice(1), 10) >= 24)
})

/** A directory with a lock file of some packages, and an npm that notes how it is called. */
function makePackage(t: Test, packages: Readonly<Record<string, Locked>>) {
  const directory = openDirectory(t)
  const lock = (wanted: typeof packages) => {
    const text = JSON.stringify({ packages: { '': {}, ...wanted } })
    writeFileSync(join(directory, 'package-lock.json'), text)
  }
  lock(packages)
  mkdirSync(join(directory, 'programs'))
  const npm = `#!/bin/sh
test "$1" = ci || exit 0
echo "$*" >>calls
echo "$PATH" >path
env >environment
mkdir -p node_modules/a && cp package-lock.json node_modules/.package-lock.json
exit \${NPM_EXIT:-0}
`
  writeFileSync(join(directory, 'programs/npm'), npm, { mode: 0o755 })
  const script = `const { installLocked } = await import(process.argv[2])
    installLocked(process.argv[1])`
  const module = join(root, 'packaging/toolchain/install-locked.mjs')
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')
  return {
    directory,
    lock,
    read,
    /** Installs; how often npm was called since the beginning. */
    install(env: Readonly<Record<string, string>> = {}, node = process.execPath) {
      const PATH = ['/x/node_modules/.bin', join(directory, 'programs'), process.env.PATH]
      const { status, stderr } = spawnSync(
        node,
        ['--input-type=module', '-e', script, directory, module],
        { env: { PATH: PATH.join(delimiter), ...env }, encoding: 'utf8' },
      )
      const calls = existsSync(join(directory, 'calls')) ? read('calls').trim().split('\n') : []
      return { status, stderr, calls: calls.length }
    },
  }
}

const a = { version: '1.0.0', integrity: 'sha512-a' }

t.test('packages that are there are not installed again, nor by the oldest Node', async (t) => {
  const sample = makePackage(t, { 'node_modules/a': a })
  t.match(sample.install({}, oldestNode), { status: 0, calls: 1 })
  t.match(sample.install(), { status: 0, calls: 1 })
  t.match(sample.read('calls'), /^ci --ignore-scripts --include=dev --include=optional /)
})

t.test(
  'packages are installed again if an integrity differs or a package was removed',
  async (t) => {
    const sample = makePackage(t, { 'node_modules/a': a })
    sample.install()
    sample.lock({ 'node_modules/a': { ...a, integrity: 'sha512-b' } })
    t.equal(sample.install().calls, 2)
    rmSync(join(sample.directory, 'node_modules/a'), { recursive: true })
    t.equal(sample.install().calls, 3)
    t.equal(sample.install().calls, 3)
  },
)

t.test('a package for other machines need not be there', async (t) => {
  const other = { ...a, optional: true, os: ['linux'], cpu: ['vax'] }
  const own = { ...a, optional: true, os: ['linux'], cpu: [process.arch] }
  const sample = makePackage(t, { 'node_modules/a': a })
  sample.install()
  sample.lock({ 'node_modules/a': a, 'node_modules/b': other })
  t.equal(sample.install().calls, 1)
  sample.lock({ 'node_modules/a': a, 'node_modules/b': own })
  t.equal(sample.install().calls, 2)
})

t.test(
  'npm requests a package of another processor by name, and a missing package is reported',
  async (t) => {
    const other = { ...a, optional: true, os: ['linux'], cpu: ['vax'], libc: ['glibc'] }
    const sample = makePackage(t, { 'node_modules/a': other })
    const into = join(sample.directory, 'elsewhere')
    const script = `const { installPart } = await import(process.argv[3])
    installPart(process.argv[1], ['a'], { into: process.argv[2], cpu: 'vax' })`
    const install = (npm: string) => {
      writeFileSync(join(sample.directory, 'programs/npm'), `#!/bin/sh\n${npm}`, { mode: 0o755 })
      const module = join(root, 'packaging/toolchain/install-locked.mjs')
      const words = ['--input-type=module', '-e', script, sample.directory, into, module]
      const PATH = [join(sample.directory, 'programs'), process.env.PATH].join(delimiter)
      return spawnSync(process.execPath, words, { env: { PATH }, encoding: 'utf8' })
    }
    const leave =
      'mkdir -p node_modules; echo "{\\"packages\\":{}}" >node_modules/.package-lock.json'
    t.match(install(leave).stderr, 'npm ci did not install a')
    const take = `echo "$*" >'${sample.directory}/calls'
    mkdir -p node_modules/a && cp package-lock.json node_modules/.package-lock.json`
    t.equal(install(take).status, 0)
    t.match(sample.read('calls'), '--os=linux --cpu=vax --libc=glibc')
    t.equal(install('exit 1').status, 0, 'what is there is not asked for again')
  },
)

t.test('npm finds the programs of the machine in PATH, and no other npm', async (t) => {
  const sample = makePackage(t, { 'node_modules/a': a })
  const env = { NODE_ENV: 'production', npm_config_local_prefix: '/x', npm_package_name: 'x' }
  t.equal(sample.install(env).status, 0)
  t.notMatch(sample.read('path'), 'node_modules/.bin')
  t.notMatch(sample.read('environment'), /^(NODE_ENV|npm_)/m)
  t.match(sample.read('environment'), /^NODE_NO_WARNINGS=1$/m, 'what npm calls is not printed')
})

t.test('an npm that omits packages since it cannot write its cache is reported', async (t) => {
  const own = { ...a, optional: true, os: ['linux'], cpu: [process.arch] }
  const sample = makePackage(t, { 'node_modules/a': own })
  const { directory } = sample
  const module = join(directory, 'install-locked.mjs')
  cpSync(join(root, 'packaging/toolchain/install-locked.mjs'), module)
  const closed = join(directory, 'closed')
  mkdirSync(closed, { mode: 0o555 })
  const isRoot = process.getuid!() === 0
  if (isRoot) chownSync(directory, PLAIN, PLAIN)
  const outputWith = (cache: string) => {
    const npm = `#!/bin/sh
test "$1" != config || { echo ${cache}; exit; }
mkdir -p node_modules; echo '{"packages":{}}' >node_modules/.package-lock.json
`
    writeFileSync(join(directory, 'programs/npm'), npm, { mode: 0o755 })
    const PATH = [join(directory, 'programs'), process.env.PATH].join(delimiter)
    const { stdout } = spawnSync(reachable(process.execPath), [module, directory], {
      env: { PATH },
      encoding: 'utf8',
      ...(isRoot && { uid: PLAIN, gid: PLAIN }),
    })
    return stdout
  }
  t.match(
    outputWith(join(closed, 'npm')),
    `did not install a in ${directory}: npm cannot write its cache, ${closed}/npm; set npm_config_cache to`,
  )
  t.match(outputWith(directory), /did not install a in \S+: npm ping shows /)
})

t.test('a failed installation is reported', async (t) => {
  const sample = makePackage(t, { 'node_modules/a': a })
  const { status, stderr } = sample.install({ NPM_EXIT: '7' })
  t.not(status, 0)
  t.match(stderr, `npm ci failed in ${sample.directory}`)
})
