// The processors that programs are built for: the one of this machine, or with `--arch` another one, with a cross
// compiler from a Debian package.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** By process.arch: the name in Debian and in uname -m, and the packages of the cross compiler and of Bun. */
const known = {
  x64: {
    debian: 'amd64',
    machine: 'x86_64',
    package: 'gcc-x86-64-linux-gnu',
    bun: '@oven/bun-linux-x64',
  },
  arm64: {
    debian: 'arm64',
    machine: 'aarch64',
    package: 'gcc-aarch64-linux-gnu',
    bun: '@oven/bun-linux-aarch64',
  },
}

/** The names of all targets. */
export const targets = Object.keys(known).map((arch) => targetOf(arch))

/** Returns the target for a name of process.arch, Debian or uname -m. Throws for any other name. */
export function targetOf(name = process.arch) {
  const [arch, names] =
    Object.entries(known).find(([node, { debian, machine }]) =>
      [node, debian, machine].includes(name),
    ) ?? []
  if (!arch) throw new Error(`--arch ${name}: unknown; ${Object.keys(known).join(' or ')}`)
  const isOwn = arch === process.arch
  return {
    ...names,
    arch,
    /** Whether this machine can run its programs. */
    isOwn,
    /** The directory in which its programs are built. */
    native: join(root, isOwn ? 'build/native' : `build/native-${arch}`),
    /** The addon in C. */
    addon: join(root, 'bin', names.machine, 'onescan.node'),
  }
}

/** Returns the C compiler for a target: CC or cc, or the cross compiler. Throws if that is not installed. */
export function compilerFor(target) {
  if (target.isOwn) return process.env.CC || 'cc'
  const compiler = `${target.machine}-linux-gnu-gcc`
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0) return compiler
  throw new Error(`${compiler}: not found; install Debian package ${target.package}`)
}
