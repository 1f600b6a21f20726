// The absolute paths of the executables with which onescan is built and tested. They are packages of the lock file in
// this directory, which pins each by its hash. They are separate from the other tools, because npm would put their
// `node` into the PATH of scripts.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPart } from './install-locked.mjs'
import { targetOf } from './targets.mjs'

const directory = dirname(fileURLToPath(import.meta.url))

/** The Node that runs the tools and the tests: the newest one that needs no additional Debian package. */
export const toolsNode = node('tools')

/** The newest Node, or that of the tools if the Debian package libatomic1 is missing. */
export const newestNode = runs(node('newest')) ? node('newest') : toolsNode

/** The oldest Node that onescan runs on. */
export const oldestNode = node('oldest')

/** Bun's executable for this machine. */
export function bun() {
  const libc = process.report.getReport().header.glibcVersionRuntime ? '' : '-musl'
  return join(directory, 'node_modules', targetOf().bun + libc, 'bin/bun')
}

/** Returns Bun's executable for glibc on another processor. Installs it below build/ if needed. */
export function installBun(arch) {
  const place = join(directory, '../../build', `toolchain-${arch}`)
  const name = targetOf(arch).bun
  installPart(directory, [name], { into: place, cpu: arch })
  return join(place, 'node_modules', name, 'bin/bun')
}

function runs(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function node(which) {
  return join(directory, 'node_modules', `node-${which}-linux-${process.arch}/bin/node`)
}
