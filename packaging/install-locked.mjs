// Installs packages exactly as a lock file names them, without running a script of theirs.
// Plain JavaScript without any dependency: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Installs what the lock file in `directory` names below its node_modules, unless it is
 * there already. Throws where npm fails.
 */
export function installLocked(directory) {
  if (isInstalled(directory)) return
  process.stdout.write(`Installing what ${join(directory, 'package-lock.json')} names.\n`)
  runNpm(['ci'], directory)
}

/** npm with the options that all installations here have. Throws where it fails. */
export function runNpm(words, directory) {
  const options = ['--ignore-scripts', '--include=dev', '--include=optional']
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', [...words, ...options, ...quiet], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: outsideOfNpm(process.env),
  })
  if (error) throw new Error(`npm: ${error.message}`)
  if (status !== 0) throw new Error(`npm ${words[0]} failed in ${directory}`)
}

/** Whether each package of the lock file that this machine needs is there, as the file has it. */
export function isInstalled(directory) {
  const wanted = packagesOf(join(directory, 'package-lock.json'))
  const there = packagesOf(join(directory, 'node_modules/.package-lock.json'))
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || !isNeeded(entry)) return true
    return there[path]?.integrity === entry.integrity && existsSync(join(directory, path))
  })
}

/** Optional packages count where they say that they are for such a machine. */
function isNeeded({ optional, os, cpu, libc }) {
  if (!optional) return true
  if (!os?.includes('linux') || !cpu?.includes(process.arch)) return false
  return !libc || libc.includes(glibc() ? 'glibc' : 'musl')
}

function glibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined
}

function packagesOf(lockFile) {
  if (!existsSync(lockFile)) return {}
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages
}

/**
 * The environment as it was before `npm run`: without its programs in PATH, which an
 * installation removes first, and without what it says of the package that it runs.
 */
function outsideOfNpm(env) {
  const own =
    /^npm_(package_|lifecycle_|config_(local_prefix|prefix)$|command$|execpath$|node_execpath$)/
  const kept = Object.entries(env).filter(([name]) => !own.test(name) && name !== 'NODE_ENV')
  const directories = (env.PATH ?? '').split(delimiter)
  const PATH = directories.filter((path) => !/[/]node_modules[/]\.bin$|node-gyp-bin$/.test(path))
  return { ...Object.fromEntries(kept), PATH: PATH.join(delimiter) }
}
