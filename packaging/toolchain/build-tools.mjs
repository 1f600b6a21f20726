// What a build needs of the npm registry, and no more: the parts of the two lock files that
// make programs, not those that test them. Plain JavaScript without any dependency: it runs before
// anything is installed.
//
//   node packaging/toolchain/build-tools.mjs [--toolchain]    installs what dist/ is made with, unless it is there,
//                                                   or what native programs are made with, too
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled } from '../programs/bundled.mjs'
import { targetOf } from '../programs/targets.mjs'
import { installPart } from './install-locked.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Installs what build-bundles.mjs makes dist/ of. */
export function installBundler() {
  installPart(root, ['esbuild', 'node-api-headers', ...bundled])
}

/** Installs what native programs are made of, and a Node that runs all scripts, on Linux with glibc. */
export function installToolchain() {
  const names = [targetOf().bun, `node-tools-linux-${process.arch}`]
  installPart(join(root, 'packaging/toolchain'), names, { cpu: process.arch })
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  installBundler()
  if (process.argv.includes('--toolchain')) installToolchain()
}
