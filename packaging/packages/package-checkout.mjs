// `npm run package [-- --arch ARCH]`: the Debian packages of this checkout, source and binary, below
// build/. Reports immediately what is missing, installs the packages of the lock files, and then runs on the Node
// among them, whichever Node npm runs on.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const words = process.argv.slice(2)
/** The oldest Node for the scripts that run before that Node is installed: the one of Debian 12. */
const OLDEST = 18
/** The Debian packages that the build needs. */
const NEEDED = ['git', 'gcc', 'libc6-dev', 'debhelper']
const FOR_ARM64 = ['gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross']

// Without git, the files and the version of the package are unknown.
if (!existsSync(join(root, '.git'))) {
  stop(`${root} is not a clone: run git clone, or install the source tarball (make install)`)
}
if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  stop(`${process.execPath} is Node ${process.versions.node}, and this needs ${OLDEST} or later`)
}
const arch = words[words.indexOf('--arch') + 1]
const missing = [
  ...NEEDED,
  ...(arch === 'arm64' && process.arch !== 'arm64' ? FOR_ARM64 : []),
].filter((name) => !isInstalled(name))
if (missing.length > 0) {
  stop(`type: apt install --no-install-recommends ${missing.join(' ')}`)
}

const { installBundler, installToolchain } = await import('../toolchain/build-tools.mjs')
installBundler()
installToolchain()
const { toolsNode } = await import('../toolchain/toolchain.mjs')
const env = { ...process.env, PATH: [dirname(toolsNode), process.env.PATH].join(delimiter) }
run('builds/build-bundles.mjs')
run('packages/deb.mjs', '--source')
run('packages/deb.mjs', ...words)

function isInstalled(name) {
  const { stdout } = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' })
  return /^Status: install ok installed$/m.test(stdout)
}

function run(script, ...more) {
  const options = { cwd: root, stdio: 'inherit', env }
  execFileSync(toolsNode, [join(root, 'packaging', script), ...more], options)
}

function stop(why) {
  process.stderr.write(`npm run package: ${why}\n`)
  process.exit(1)
}
