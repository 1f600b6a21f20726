// Executables that onescan is built and tested with, by their absolute paths: packages of
// this directory's own lock file, which pins each with integrity. They stand apart from
// the other tools, because npm would link a `node` of theirs where it looks for programs.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { targetOf } from '../programs/targets.mjs'
import { installPart } from './install-locked.mjs'

const directory = dirname(fileURLToPath(import.meta.url))

/** The Node that runs the tools and the tests: the newest that needs nothing that a small Debian lacks. */
export const toolsNode = node('tools')

/** The newest Node where it runs, which wants the Debian package libatomic1; else that of the tools. */
export const newestNode = runs(node('newest')) ? node('newest') : toolsNode

/** The oldest Node that onescan runs on. */
export const oldestNode = node('oldest')

/** Bun's executable for this machine. */
export function bun() {
  const libc = process.report.getReport().header.glibcVersionRuntime ? '' : '-musl'
  return join(directory, 'node_modules', targetOf().bun + libc, 'bin/bun')
}

/** Bun's executable for glibc on another processor, which is installed below build/ where it is not there. */
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
