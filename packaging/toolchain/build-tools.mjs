// Installs only the npm packages that a build needs: those of the two lock files that make programs, without those that
// test them. It is plain JavaScript without dependencies, because it runs before anything is installed.
//
//   node packaging/toolchain/build-tools.mjs [--toolchain]    installs the packages for building dist/, if needed,
//                                                   and those for building native programs
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled } from '../builds/bundled.mjs'
import { installPart } from './install-locked.mjs'
import { targetOf } from './targets.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Installs the packages that build-bundles.mjs needs. */
export function installBundler() {
  installPart(root, ['esbuild', 'node-api-headers', ...bundled])
}

/** Installs the packages for native programs, and a Node that runs all scripts on Linux with glibc. */
export function installToolchain() {
  const names = [targetOf().bun, `node-tools-linux-${process.arch}`]
  installPart(join(root, 'packaging/toolchain'), names, { cpu: process.arch })
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  installBundler()
  if (process.argv.includes('--toolchain')) installToolchain()
}
