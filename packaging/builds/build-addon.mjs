// Compiles the addon in C that both runtimes load, src/c/addon/, into bin/MACHINE/onescan.node, unless
// that is newer than its sources. One file serves glibc and musl: it is linked with neither, and uses the C
// library that the runtime has loaded.
//
//   node packaging/builds/build-addon.mjs [--arch ARCH]
import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compilerFor, targetOf } from '../toolchain/targets.mjs'
import { cSources, runCompiler, strict } from './compile-c.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** The declarations of Node-API, from the Node project. */
const headers = join(root, 'node_modules/node-api-headers/include')

/** Returns the path of the addon for a target (targets.mjs). Throws if it cannot be compiled. */
export function buildAddon(target) {
  const file = target.addon
  if (isNewer(file)) return file
  const fresh = `${target.native}-addon-${process.pid}`
  mkdirSync(dirname(fresh), { recursive: true })
  mkdirSync(dirname(file), { recursive: true })
  const words = [
    ...strict,
    // Otherwise glibc's headers would use functions that musl lacks. File sizes have 64 bits here in any case.
    '-U_FILE_OFFSET_BITS',
    ...['-O2', '-s', '-fPIC', '-shared', '-nostdlib', '-fvisibility=hidden'],
    ...['-fstack-protector-strong', '-fstack-clash-protection'],
    '-Wl,--build-id=none,-z,noexecstack,-z,text,-z,relro,-z,now',
    ...[`-isystem${headers}`, '-o', fresh, ...cSources('addon')],
  ]
  runCompiler([compilerFor(target), ...words])
  chmodSync(fresh, 0o644)
  renameSync(fresh, file)
  return file
}

function isNewer(file) {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const directory = join(root, 'src/c/addon')
  const sources = readdirSync(directory).map((name) => join(directory, name))
  return [fileURLToPath(import.meta.url), ...sources].every((path) => statSync(path).mtimeMs < made)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { arch: { type: 'string' } } })
  buildAddon(targetOf(values.arch))
}
