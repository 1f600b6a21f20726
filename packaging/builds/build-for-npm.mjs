// Builds the compiled files of the npm package when `npm pack` runs (prepack): onescanc and onescan-rcptquota, static,
// and onescan.node, for each processor in a directory of bin/ named as in uname -m. It fails if those of this machine
// cannot be built. The package omits those of another processor for which there is no compiler here.
//
//   node packaging/builds/build-for-npm.mjs [--all | --own]
//
// --all fails for each processor whose programs cannot be built, or not with musl; --own builds for the processor of
// this machine alone, with the C library that it has.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { targetOf, targets } from '../toolchain/targets.mjs'
import { buildAddon } from './build-addon.mjs'
import { programsInC } from './program-list.cjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: { all: { type: 'boolean' }, own: { type: 'boolean' } },
})

for (const target of options.own ? [targetOf()] : targets) {
  const directory = join(root, 'bin', target.machine)
  const trouble = build(target)
  if (trouble === undefined) {
    for (const name of programsInC) put(target.native, name, directory)
    continue
  }
  rmSync(directory, { recursive: true, force: true })
  const remedy = target.isOwn ? '; install gcc and libc6-dev' : ''
  process.stderr.write(`bin/${target.machine}: not built: ${trouble}${remedy}\n`)
  if (options.all || target.isOwn) process.exitCode = 1
}

/** Returns undefined, or the reason why a build failed. */
function build(target) {
  try {
    buildAddon(target)
  } catch (error) {
    return error.message
  }
  const { arch } = target
  const words = [join(root, 'packaging/builds/build-client.mjs'), '--arch', arch]
  if (options.all) words.push('--musl')
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  if (status === 0) return undefined
  return /Error: (.*)/.exec(stderr)?.[1] ?? `exit code ${status}`
}

/** Replaces the file in one step, because others may run it or pack the directory. */
function put(native, name, directory) {
  const [file, place] = [join(native, name), join(directory, name)]
  if (existsSync(place) && readFileSync(place).equals(readFileSync(file))) return
  const fresh = `${native}-${name}-${process.pid}`
  mkdirSync(directory, { recursive: true })
  copyFileSync(file, fresh)
  renameSync(fresh, place)
}
