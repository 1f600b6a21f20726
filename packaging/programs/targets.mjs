// The processors that programs are built for: the machine's own, or by `--arch` another,
// with cross compilers that are Debian packages.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Each by process.arch: its names in Debian and in uname -m, the packages of its compiler and of Bun. */
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

/** All of them. */
export const targets = Object.keys(known).map((arch) => targetOf(arch))

/** What a name of process.arch, Debian or uname -m means; throws for any other. */
export function targetOf(name = process.arch) {
  const [arch, names] =
    Object.entries(known).find(([arch, { debian, machine }]) =>
      [arch, debian, machine].includes(name),
    ) ?? []
  if (!arch) throw new Error(`--arch ${name}: unknown; ${Object.keys(known).join(' or ')}`)
  const isOwn = arch === process.arch
  return {
    ...names,
    arch,
    /** Whether this machine runs its programs by itself. */
    isOwn,
    /** Where its programs are built. */
    native: join(root, isOwn ? 'build/native' : `build/native-${arch}`),
  }
}

/** The C compiler for programs of a target: CC or cc, or the cross compiler, which has to be there. */
export function compilerFor(target) {
  if (target.isOwn) return process.env.CC || 'cc'
  const compiler = `${target.machine}-linux-gnu-gcc`
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0) return compiler
  throw new Error(`${compiler}: not found; install Debian package ${target.package}`)
}
