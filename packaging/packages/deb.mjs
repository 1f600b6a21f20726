// Makes Debian packages of the checkout, including uncommitted changes: build/onescan_VERSION_ARCH.deb and those of
// onescan-quotad, smtp-delay and onescan-runtime, or with --source onescan_VERSION.dsc and .tar.xz. debian/*.install lists
// what is in each package.
//
//   node packaging/packages/deb.mjs [--arch ARCH] [--programs DIRECTORY] [--source [--level LEVEL]] [--output DIRECTORY]
//
// --arch makes the packages for another processor (targets.mjs). --programs uses the programs in DIRECTORY instead of
// building them. The environment variable COMPRESS sets the compression of dpkg-deb(1), and --level that of xz(1) for the
// sources.
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { targetOf } from '../toolchain/targets.mjs'
import { readAddresses } from './addresses.mjs'
import { origin } from './origin.mjs'
import { copySources, openWorkshop } from './workshop.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    programs: { type: 'string' },
    source: { type: 'boolean' },
    level: { type: 'string', default: '6' },
    output: { type: 'string', default: join(root, 'build') },
  },
})
const { debianVersion: version, seconds } = origin(root)
const target = targetOf(options.arch)

const workshop = openWorkshop(resolve(options.output))
const tree = join(workshop.directory, `onescan-${version}`)
copySources(root, tree)
const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000')
writeFileSync(
  join(tree, 'debian/changelog'),
  `onescan (${version}) unstable; urgency=medium

  * CHANGELOG.md lists what is new.

 -- ${readAddresses(root).developers}  ${date}
`,
)

if (options.source) {
  // By default dpkg-source omits .gitignore, which defines which files are sources.
  const words = ['-Zxz', `-z${options.level}`, '--tar-ignore=debian/files', '--build', tree]
  run(workshop.directory, 'dpkg-source', ...words)
} else {
  const programs = resolve(options.programs ?? buildPrograms())
  Object.assign(process.env, { PROGRAMS: programs, BUILT: root })
  const words = ['--host-arch', target.debian, '--force', '--command']
  run(tree, 'dpkg-architecture', ...words, 'debian/rules', 'binary')
}
for (const name of readdirSync(workshop.directory)) {
  if (/\.(deb|dsc|tar\.xz)$/.test(name)) workshop.handOut(name)
}

function buildPrograms() {
  for (const script of ['build-native.mjs', 'build-client.mjs']) {
    const words = [join(root, 'packaging/builds', script), '--arch', target.arch]
    execFileSync(process.execPath, words, { stdio: ['ignore', 2, 2] })
  }
  return target.native
}

function run(directory, command, ...words) {
  execFileSync(command, words, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
  })
}
