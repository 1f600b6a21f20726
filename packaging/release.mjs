// `npm run release`: all that users get, in one directory, build/release/ by default:
//
//   onescan_VERSION_amd64.deb, onescan_VERSION_arm64.deb
//   onescan_VERSION.dsc, onescan_VERSION.tar.xz    their source package
//   onescan-VERSION.tgz        for npm
//   onescan-VERSION.cdx.json   what is in them, as a CycloneDX bill of materials
//   SHA256SUMS                 of all these
//
// The same commit makes the same bytes, whatever the time and the directory: times are
// SOURCE_DATE_EPOCH, by default that of the commit. What is in the directory is replaced.
//
//   node packaging/release.mjs [--output DIRECTORY] [--built]
//
// --built takes the programs that are built already, for each processor. COMPRESS in the
// environment is a compression of dpkg-deb(1), by default xz.
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
import { billOfMaterials } from './bill-of-materials.mjs'
import { origin, refusePlaceholders } from './origin.mjs'
import { targets } from './targets.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'build/release') },
    built: { type: 'boolean' },
  },
})
const { version, seconds } = origin(root)
try {
  refusePlaceholders(root, version)
} catch (error) {
  warn(error.message)
  process.exit(1)
}
const env = { COMPRESS: 'xz', ...process.env, SOURCE_DATE_EPOCH: String(seconds) }

if (!options.built) {
  if (uncommitted()) warn('there are changes that no commit has: nobody else can make these bytes')
  script('build.mjs')
  for (const { arch } of targets) script('build-native.mjs', '--arch', arch)
  script('npm-programs.mjs', '--all')
}

const target = resolve(options.output)
mkdirSync(dirname(target), { recursive: true })
const fresh = mkdtempSync(`${target}-`)
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }))
for (const { arch, native } of targets) {
  script('package.mjs', '--arch', arch, '--programs', native, '--output', fresh)
}
script('package.mjs', '--source', '--output', fresh)
// All is built, and nothing is built again here.
output('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', fresh)

const bill = billOfMaterials(root, { seconds })
writeFileSync(join(fresh, `onescan-${version}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`)
const names = readdirSync(fresh).sort()
const sums = execFileSync('sha256sum', names, { cwd: fresh })
writeFileSync(join(fresh, 'SHA256SUMS'), sums)

chmodSync(fresh, 0o755)
rmSync(target, { recursive: true, force: true })
renameSync(fresh, target)
for (const name of readdirSync(target).sort()) process.stdout.write(`${join(target, name)}\n`)

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

function uncommitted() {
  try {
    return output('git', 'status', '--porcelain') !== ''
  } catch {
    return false // no repository: SOURCE_DATE_EPOCH says of when this is
  }
}

function warn(text) {
  process.stderr.write(`release: ${text}\n`)
}
