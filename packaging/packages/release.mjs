// `npm run release`: writes all files of a release into one directory, build/release/ by default:
//
//   onescan_VERSION_amd64.deb, onescan_VERSION_arm64.deb, and the same of onescan-quotad, smtp-delay and onescan-runtime
//   onescan_VERSION.dsc, onescan_VERSION.tar.xz    their source package
//   onescan-VERSION-1.x86_64.rpm, onescan-VERSION-1.aarch64.rpm, and the same of the others
//   onescan-VERSION.tar.gz     the source tarball, which builds without network (tarball.mjs)
//   onescan-VERSION.tgz        for npm
//   onescan-VERSION.cdx.json   what is in them, as a CycloneDX bill of materials
//   SHA256SUMS                 of all these, and signed SHA256SUMS.asc
//   apt/                       the .deb files as a repository for apt, which is signed (repository.mjs)
//
// The same commit makes the same bytes at any time and in any directory: times are SOURCE_DATE_EPOCH, by
// default the time of the commit. Earlier contents of the directory are removed.
//
//   node packaging/packages/release.mjs --key FINGERPRINT [--earlier DIRECTORY] [--output DIRECTORY] [--built]
//   node packaging/packages/release.mjs --unsigned …
//
// --key is a secret key of gpg(1); --unsigned omits the signed files. --earlier is a directory with the .deb files of
// earlier releases, which the repository includes so that hosts can go back to them. --built uses the programs that are
// already built for each processor. The environment variable COMPRESS sets the compression of dpkg-deb(1) and of
// packaging/packages/rpm.mjs, by default xz. Debian's package `rpm` has rpmbuild(8).
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { billOfMaterials } from '../licenses/bill-of-materials.mjs'
import { targets } from '../toolchain/targets.mjs'
import { origin, refuseUnprepared, repositoryAddress } from './origin.mjs'
import { signInto, writeRepository } from './repository.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'build/release') },
    built: { type: 'boolean' },
    key: { type: 'string' },
    unsigned: { type: 'boolean' },
    earlier: { type: 'string' },
  },
})
const { version, seconds } = origin(root)
const key = options.unsigned ? undefined : options.key
try {
  refuseUnprepared(root, version, key)
  if (!key && !options.unsigned) throw new Error('--key: name the key that signs, or --unsigned')
} catch (error) {
  warn(error.message)
  process.exit(1)
}
const env = { COMPRESS: 'xz', ...process.env, SOURCE_DATE_EPOCH: String(seconds) }

if (!options.built) {
  if (uncommitted()) warn('there are changes that no commit has: nobody else can make these bytes')
  script('builds/build-bundles.mjs')
  for (const { arch } of targets) script('builds/build-native.mjs', '--arch', arch, '--musl')
  script('builds/build-for-npm.mjs', '--all')
}

const place = resolve(options.output)
mkdirSync(dirname(place), { recursive: true })
const fresh = mkdtempSync(`${place}-`)
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }))
for (const { arch, native } of targets) {
  for (const kind of ['packages/deb.mjs', 'packages/rpm.mjs']) {
    script(kind, '--arch', arch, '--programs', native, '--output', fresh)
  }
}
script('packages/deb.mjs', '--source', '--output', fresh)
script('packages/tarball.mjs', '--output', fresh)
// Everything is built by now: the following steps only pack it.
output('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', fresh)

const bill = billOfMaterials(root, { seconds })
writeFileSync(join(fresh, `onescan-${version}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`)
const names = readdirSync(fresh).sort()
const sums = execFileSync('sha256sum', names, { cwd: fresh })
writeFileSync(join(fresh, 'SHA256SUMS'), sums)
if (key) {
  signInto(
    join(fresh, 'SHA256SUMS.asc'),
    key,
    '--armor',
    '--detach-sign',
    join(fresh, 'SHA256SUMS'),
  )
  const packages = [...debianPackages(options.earlier), ...debianPackages(fresh)]
  writeRepository(join(fresh, 'apt'), { packages, address: repositoryAddress(root), key, seconds })
}

chmodSync(fresh, 0o755)
rmSync(place, { recursive: true, force: true })
renameSync(fresh, place)
for (const name of readdirSync(place).sort()) process.stdout.write(`${join(place, name)}\n`)

function script(name, ...words) {
  execFileSync(process.execPath, [join(root, 'packaging', name), ...words], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 2],
  })
}

function output(program, ...words) {
  return execFileSync(program, words, { cwd: root, env: process.env, encoding: 'utf8' }).trim()
}

function debianPackages(directory) {
  if (directory === undefined) return []
  const files = readdirSync(directory).filter((name) => name.endsWith('.deb'))
  return files.sort().map((name) => join(directory, name))
}

function uncommitted() {
  try {
    return output('git', 'status', '--porcelain') !== ''
  } catch {
    return false // not a git repository: SOURCE_DATE_EPOCH sets the time
  }
}

function warn(text) {
  process.stderr.write(`release: ${text}\n`)
}
