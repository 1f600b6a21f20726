// `npm run build:native`: the compiled programs, in build/native/. They need no Node
// on the host, and start in a third of its time.
//
//   onescan-runtime   Bun with all programs of dist/ in it, as bytecode
//   onescan-run       the launcher, native/launch.c, which says why there is one
//   onescan-queue …   the programs, links to the launcher
//
// Bun comes from its npm package, which toolchain/package-lock.json pins, and the launcher
// is compiled by cc. Never strip onescan-runtime: the programs in it would be gone.
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installLocked } from './install-locked.mjs'
import { bun } from './toolchain/toolchain.mjs'

const packaging = dirname(fileURLToPath(import.meta.url))
const native = join(packaging, 'native')
const out = join(dirname(packaging), 'build/native')

/** What an administrator calls; each is a name in native/programs.cjs. */
const programs = ['onescan-queue', 'onescand', 'onescan', 'onescan-quotad', 'smtp-delay']

installLocked(join(packaging, 'toolchain'))
mkdirSync(out, { recursive: true })
const size = buildRuntime()
buildLauncher(size)
for (const program of programs) {
  rmSync(join(out, program), { force: true })
  symlinkSync('onescan-run', join(out, program))
}

/** Compiles all programs into one executable and returns its size in bytes. */
function buildRuntime() {
  const fresh = join(out, 'onescan-runtime.new')
  run(bun(), [
    'build',
    '--compile',
    '--target=bun',
    '--format=cjs',
    '--bytecode',
    '--minify',
    // Else these files are obeyed wherever qmail-smtpd starts us.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--no-compile-autoload-tsconfig',
    // What a plugin imports is found by it; nothing else is looked for in files.
    '--compile-autoload-package-json',
    // For Node alone.
    '--external=koffi',
    // Else each program holds the directory that it was built in.
    '--define=__filename="/usr/lib/onescan/onescan-runtime"',
    '--define=__dirname="/usr/lib/onescan"',
    `--outfile=${fresh}`,
    join(native, 'programs.cjs'),
  ])
  renameSync(fresh, join(out, 'onescan-runtime'))
  return statSync(join(out, 'onescan-runtime')).size
}

function buildLauncher(runtimeSize) {
  const fresh = join(out, 'onescan-run.new')
  run('cc', [
    ...['-std=gnu11', '-Os', '-Wall', '-Wextra', '-Werror'],
    ...['-ffreestanding', '-fno-stack-protector', '-fno-asynchronous-unwind-tables'],
    '-fno-tree-loop-distribute-patterns', // or loops become calls of memcpy
    ...['-static', '-no-pie', '-nostdlib', '-s', '-Wl,--build-id=none,-z,noexecstack'],
    `-DRUNTIME_SIZE=${runtimeSize}`,
    ...['-o', fresh, join(native, 'launch.c')],
  ])
  renameSync(fresh, join(out, 'onescan-run'))
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
