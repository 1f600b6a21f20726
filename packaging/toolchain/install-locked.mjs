// Installs packages exactly as a lock file names them, without running their scripts. It is plain JavaScript without
// dependencies, because it runs before anything is installed.
//
// As a program: node packaging/toolchain/install-locked.mjs DIRECTORY
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Installs the packages of the lock file in `directory` into its node_modules, unless they are installed. Throws if
 * npm fails.
 */
export function installLocked(directory) {
  if (isInstalled(directory)) return
  process.stdout.write(`Installing what ${join(directory, 'package-lock.json')} names.\n`)
  runNpm(directory)
  if (isInstalled(directory)) return
  const { packages } = readLock(join(directory, 'package-lock.json'))
  const names = missingOf(packages, directory).map((path) => path.replace('node_modules/', ''))
  throw new Error(
    `npm ci did not install ${names.join(', ')} in ${directory}${cacheTrouble(directory) || NOT_FETCHED}`,
  )
}

/** npm succeeds without optional packages that it cannot fetch. */
const NOT_FETCHED = ': npm ping shows whether npm reaches its registry; correct that, and try again'

/**
 * Installs a part of the lock file: the named packages and their dependencies, unless they are installed. They can be
 * installed below another directory, and for glibc on another processor.
 */
export function installPart(directory, names, { into = directory, cpu } = {}) {
  const lock = readLock(join(directory, 'package-lock.json'))
  const part = partOf(lock, names)
  if (areInstalled(part, into, cpu)) return
  mkdirSync(join(into, 'build'), { recursive: true })
  const workshop = mkdtempSync(join(into, 'build/install-')) // on the same file system, for rename(2)
  try {
    const versions = (optional) =>
      names
        .map((name) => [name, part[`node_modules/${name}`]])
        .filter(([, entry]) => Boolean(entry.optional) === optional)
        .map(([name, { version }]) => [name, version])
    const dependencies = Object.fromEntries(versions(false))
    const optionalDependencies = Object.fromEntries(versions(true))
    const wanted = { dependencies, ...(cpu && { optionalDependencies }) }
    const put = (name, content) => writeFileSync(join(workshop, name), JSON.stringify(content))
    put('package.json', { private: true, ...wanted })
    put('package-lock.json', {
      lockfileVersion: lock.lockfileVersion,
      requires: true,
      packages: { '': wanted, ...part },
    })
    runNpm(workshop, cpu ? ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'] : [])
    rmSync(join(into, 'node_modules'), { recursive: true, force: true })
    renameSync(join(workshop, 'node_modules'), join(into, 'node_modules'))
    if (!areInstalled(part, into, cpu))
      throw new Error(`npm ci did not install ${names.join(', ')}`)
  } finally {
    rmSync(workshop, { recursive: true, force: true })
  }
}

/** Returns whether this machine has each package of the lock file that it needs, in that version. */
export function isInstalled(directory) {
  const { packages } = readLock(join(directory, 'package-lock.json'))
  return areInstalled(packages, directory)
}

function runNpm(directory, machine = []) {
  const options = ['--ignore-scripts', '--include=dev', '--include=optional']
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', ['ci', ...options, ...machine, ...quiet], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...outsideOfNpm(process.env), NODE_NO_WARNINGS: '1' }, // npm calls url.parse(), about which Node 24 warns
  })
  if (error) throw new Error(`npm: ${error.message}`)
  if (status !== 0) throw new Error(`npm ci failed in ${directory}${cacheTrouble(directory)}`)
}

/**
 * Returns a hint, or '', about a cache that npm cannot write: it then omits packages that are marked as optional, and
 * succeeds.
 */
function cacheTrouble(cwd) {
  const env = outsideOfNpm(process.env)
  const options = { cwd, env, encoding: 'utf8' }
  const { stdout } = spawnSync('npm', ['config', 'get', 'cache'], options)
  const cache = stdout?.trim()
  if (!cache?.startsWith('/')) return ''
  const closed = [cache, join(cache, '_cacache')].find((path) => !mayWrite(path))
  if (closed === undefined) return ''
  return `: npm cannot write its cache, ${closed}; set npm_config_cache to a directory that you own, as in npm_config_cache=$HOME/npm-cache`
}

/** Returns whether this process may write to the directory, or to the one in which it would be created. */
function mayWrite(path) {
  if (!existsSync(path)) return path === '/' || mayWrite(dirname(path))
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

const areInstalled = (wanted, directory, cpu) => missingOf(wanted, directory, cpu).length === 0

/** Returns the paths of the packages that this machine needs, and does not have in that version. */
function missingOf(wanted, directory, cpu) {
  const there = readLock(join(directory, 'node_modules/.package-lock.json')).packages
  const isThere = ([path, { integrity }]) =>
    there[path]?.integrity === integrity && existsSync(join(directory, path))
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && isNeeded(entry, cpu))
    .filter((entry) => !isThere(entry))
    .map(([path]) => path)
}

/** Returns the entries of a lock file that these packages need, by path. */
export function partOf({ packages }, names) {
  const part = {}
  const wanted = names.map((name) => findPackage(packages, '', name))
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (path in part) continue
    const { dev, devOptional, ...entry } = packages[path]
    part[path] = entry
    const needed = { ...entry.dependencies, ...entry.optionalDependencies }
    wanted.push(...Object.keys(needed).map((name) => findPackage(packages, path, name)))
  }
  return part
}

/** Returns the path at which Node finds a package from the package at this path. */
function findPackage(packages, from, name) {
  for (let place = from; ; place = place.replace(/(^|[/])node_modules[/](@[^/]+[/])?[^/]+$/, '')) {
    const path = `${place && `${place}/`}node_modules/${name}`
    if (path in packages) return path
    if (place === '') throw new Error(`package-lock.json does not name ${name}`)
  }
}

/** Returns whether a package is needed. An optional one is, if it is marked as being for this kind of machine. */
function isNeeded({ optional, os, cpu, libc }, other) {
  if (!optional) return true
  if (!os?.includes('linux') || !cpu?.includes(other ?? process.arch)) return false
  return !libc || libc.includes(other || glibc() ? 'glibc' : 'musl')
}

function glibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined
}

function readLock(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { packages: {} }
}

/**
 * Returns the environment as it was before `npm run`: without node_modules/.bin in PATH, since an installation removes
 * that first, and without the variables about the package that npm runs.
 */
function outsideOfNpm(env) {
  const own =
    /^npm_(package_|lifecycle_|config_(local_prefix|prefix)$|command$|execpath$|node_execpath$)/
  const kept = Object.entries(env).filter(([name]) => !own.test(name) && name !== 'NODE_ENV')
  const directories = (env.PATH ?? '').split(delimiter)
  const PATH = directories.filter((path) => !/[/]node_modules[/]\.bin$|node-gyp-bin$/.test(path))
  return { ...Object.fromEntries(kept), PATH: PATH.join(delimiter) }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    installLocked(resolve(process.argv[2]))
  } catch (error) {
    process.stdout.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
