// `npm run build:native`: builds the compiled programs in build/native/. They need no Node on the host, and start
// three times as fast as with it.
//
//   onescan-runtime   Bun with all programs of dist/, as bytecode
//   onescan.node      the addon in C, src/c/addon/, which the runtime loads from its own directory
//   onescan-run       the launcher, src/c/launcher/; launch.c explains why there is one
//   onescan-queue …   the programs, links to the launcher
//   runtime/NAME      links to the runtime, which give a process the name NAME
//
//   node packaging/builds/build-native.mjs [--arch ARCH] [--musl]
//
// --arch builds for another processor, into build/native-ARCH/. --musl fails without
// musl for the launcher, instead of using the C library of the host.
//
// Bun comes from its npm package, which packaging/toolchain/package-lock.json pins, and the launcher
// is compiled as compile-c.mjs describes. Never strip onescan-runtime: that would remove the programs.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { printedVersion } from '../packages/origin.mjs'
import { installLocked } from '../toolchain/install-locked.mjs'
import { targetOf } from '../toolchain/targets.mjs'
import { bun, installBun } from '../toolchain/toolchain.mjs'
import { buildAddon } from './build-addon.mjs'
import { smallPrograms } from './compile-c.mjs'
import { programs, startedByOthers } from './program-list.cjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: { arch: { type: 'string' }, musl: { type: 'boolean' } },
})
const target = targetOf(options.arch)
const out = target.native

if (!existsSync(bun())) installLocked(join(root, 'packaging/toolchain'))
mkdirSync(out, { recursive: true })
// All files are renamed at the end, because others may run or build them at the same time.
const workshop = mkdtempSync(`${out}-`)
process.on('exit', () => rmSync(workshop, { recursive: true, force: true }))
const size = buildRuntime()
buildLauncher(size)
putAddon()
mkdirSync(join(out, 'runtime'), { recursive: true })
for (const name of Object.keys(programs)) {
  if (!startedByOthers.includes(name)) link(name, 'onescan-run')
  link(join('runtime', name), '../onescan-runtime')
}

function link(path, leadsTo) {
  const fresh = join(workshop, 'link')
  symlinkSync(leadsTo, fresh)
  renameSync(fresh, join(out, path))
}

/** Compiles all programs into one executable and returns its size in bytes. */
function buildRuntime() {
  const fresh = join(workshop, 'onescan-runtime')
  run(bun(), [
    'build',
    '--compile',
    ...runtimeOf(target),
    // Each import() is a module of its own with its own bytecode. In one module, each start would make all functions
    // of all programs.
    '--format=esm',
    '--splitting',
    '--bytecode',
    '--minify',
    // Otherwise Bun would read these files in the current directory of qmail-smtpd.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--no-compile-autoload-tsconfig',
    // Imports of plugins are resolved by package.json. No other file is searched for.
    '--compile-autoload-package-json',
    // Otherwise each program would contain the directory in which it was built.
    '--define=__filename="/usr/lib/onescan/onescan-runtime"',
    '--define=__dirname="/usr/lib/onescan"',
    `--outfile=${fresh}`,
    // The first file is the program. The second lies beside it, and require() loads it when it is first used.
    '--entry-naming=[name].[ext]',
    '--external=*/iconv-lite.cjs',
    join(root, 'packaging/builds/runtime-main.mjs'),
    join(root, 'dist/iconv-lite.cjs'),
  ])
  renameSync(fresh, join(out, 'onescan-runtime'))
  return statSync(join(out, 'onescan-runtime')).size
}

/** Returns the options that select the runtime: this Bun, or the Bun for another processor. */
function runtimeOf({ isOwn, arch }) {
  if (isOwn) return ['--target=bun']
  return [`--target=bun-linux-${arch}`, `--compile-executable-path=${installBun(arch)}`]
}

function buildLauncher(runtimeSize) {
  const fresh = join(workshop, 'onescan-run')
  const compile = smallPrograms(target, { needsMusl: options.musl, needsStatic: true })
  compile('launcher', fresh, [
    `-DRUNTIME_SIZE=${runtimeSize}`,
    `-DVERSION="${printedVersion(root)}"`,
  ])
  renameSync(fresh, join(out, 'onescan-run'))
}

function putAddon() {
  const fresh = join(workshop, 'onescan.node')
  copyFileSync(buildAddon(target), fresh)
  renameSync(fresh, join(out, 'onescan.node'))
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
