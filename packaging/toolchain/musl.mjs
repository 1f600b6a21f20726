// The C library musl for the programs of a target.
//
//   node packaging/toolchain/musl.mjs ARCH    prints its Debian source for deb-control(5), Static-Built-Using
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './find-program.mjs'
import { compilerFor, targetOf } from './targets.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** The file in the unpacked tree that holds the version of the package. */
const VERSION = 'version'

/**
 * Returns the command that compiles a C program for this target with musl, in the directory of the checkout, or
 * undefined if this machine has no musl for it. For the processor of this machine that is musl-gcc of Debian package
 * musl-tools. For another one it uses Debian's musl-dev, installed or unpacked below build/ by fetchMusl().
 */
export function muslCompiler(target) {
  if (target.isOwn) return findProgram('musl-gcc') ? ['musl-gcc'] : undefined
  const specs = specsOf(target)
  if (existsSync(join('/', specs))) return [compilerFor(target), `-specs=/${specs}`]
  const unpacked = unpackedFor(target)
  if (!existsSync(join(root, unpacked, VERSION))) return undefined
  return [compilerFor(target), `-specs=${join(unpacked, specs)}`]
}

const specsOf = ({ machine }) => `usr/lib/${machine}-linux-musl/musl-gcc.specs`
const unpackedFor = ({ arch }) => `build/musl-${arch}`

/**
 * Returns the directory of the start files (crt*.o) of musl for this target. musl-gcc itself links those for programs
 * at fixed addresses.
 */
export function muslLibrary(target) {
  const specs = specsOf(target)
  const unpacked = existsSync(join('/', specs)) ? '/' : join(root, unpackedFor(target))
  return dirname(join(unpacked, specs))
}

/** Returns the version of Debian's musl-dev that muslCompiler() uses for this target. */
export function muslVersion(target) {
  const unpacked = join(root, unpackedFor(target), VERSION)
  if (!existsSync(join('/', specsOf(target)))) return readFileSync(unpacked, 'utf8').trim()
  const name = `musl-dev:${target.debian}`
  const { stdout } = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' })
  const [, version] = /^Version: (.*)$/m.exec(stdout ?? '') ?? []
  if (version === undefined) throw new Error(`${name}: not installed`)
  return version
}

/**
 * Downloads Debian's musl-dev for another processor, unless this was done before, and unpacks it below build/ for
 * muslCompiler(). apt downloads and verifies it from the archives in the settings of this machine. Without such an
 * archive nothing is unpacked.
 */
export function fetchMusl(target) {
  if (target.isOwn || muslCompiler(target)) return
  const specs = specsOf(target)
  const place = unpackedFor(target)
  mkdirSync(join(root, dirname(place)), { recursive: true })
  const workshop = mkdtempSync(join(root, `${place}-`))
  try {
    const apt = aptFor(target, workshop)
    apt('update') // also fails for a source without packages for this processor
    if (!apt('download', 'musl-dev')) return
    const file = readdirSync(workshop).find((name) => name.endsWith('.deb'))
    const tree = join(workshop, 'tree')
    if (spawnSync('dpkg-deb', ['--extract', join(workshop, file), tree]).status !== 0) return
    // The specs contain /usr, where the package would be installed.
    const text = readFileSync(join(tree, specs), 'utf8')
    writeFileSync(join(tree, specs), text.replaceAll(/(?<=[ L])\/usr\//g, `${place}/usr/`))
    const field = spawnSync('dpkg-deb', ['--field', join(workshop, file), 'Version'])
    writeFileSync(join(tree, VERSION), field.stdout)
    if (!existsSync(join(root, place, VERSION)))
      rmSync(join(root, place), { recursive: true, force: true })
    move(tree, join(root, place))
  } finally {
    rmSync(workshop, { recursive: true, force: true })
  }
}

/** Moves the tree in one step, so that it is always complete. A tree that another build has moved there is kept. */
function move(tree, place) {
  try {
    renameSync(tree, place)
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  }
}

/** Runs apt-get as on a machine with that processor, with its own package lists. */
function aptFor({ debian }, directory) {
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, name), { recursive: true })
  }
  writeFileSync(join(directory, 'status'), '')
  const options = [
    `APT::Architecture=${debian}`,
    `APT::Architectures=${debian}`,
    `Dir::State::lists=${directory}/lists`,
    `Dir::State::status=${directory}/status`,
    `Dir::Cache=${directory}/cache`,
    'Acquire::Languages=none',
    'APT::Sandbox::User=root', // otherwise it may not write here
  ]
  const words = options.flatMap((option) => ['-o', option])
  return (...command) =>
    spawnSync('apt-get', ['-q', ...words, ...command], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    }).status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = targetOf(process.argv[2])
  // Debian appends to the version if it rebuilds the same source.
  if (muslCompiler(target)) {
    process.stdout.write(`musl (= ${muslVersion(target).replace(/\+b\d+$/, '')})\n`)
  }
}
