// Compiles the two programs in C that qmail-smtpd starts for each message or recipient,
// onescanc and onescan-rcptquota, into build/native/: static where this host can link so,
// for then nothing in the environment of qmail-smtpd has a say in them. With
// musl where it is installed (Debian package musl-tools): before main, glibc asks the
// processor what it is some twenty times, and in a virtual machine each question is a trip
// to the hypervisor, 0.3 ms a message in all. CC names another compiler.
//
//   node packaging/build-client.mjs [--sanitized]    the latter: NAME-sanitized, for the tests
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = {
  onescanc: 'src/client/onescanc.c',
  'onescan-rcptquota': 'src/doors/rcptquota/onescan-rcptquota.c',
}
const compiler = process.env.CC || 'cc'

const strict = [
  ...['-std=c11', '-D_FILE_OFFSET_BITS=64', '-Wall', '-Wextra', '-Werror', '-Wconversion'],
  ...['-Wsign-conversion', '-Wshadow', '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wformat=2'],
  ...['-Wundef', '-Wcast-qual', '-Wwrite-strings', '-Wimplicit-fallthrough', '-Wvla'],
]
const small = ['-O2', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong']
const sanitized = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']

for (const [name, source] of Object.entries(sources)) build(name, join(root, source))

function build(name, source) {
  if (process.argv[2] === '--sanitized') {
    compile(compiler, source, `${name}-sanitized`, sanitized)
  } else if (!process.env.CC && isInstalled('musl-gcc')) {
    compile('musl-gcc', source, name, [...small, '-static'])
  } else {
    try {
      compile(compiler, source, name, [...small, '-static'], 'pipe')
    } catch {
      compile(compiler, source, name, [...small, '-fPIE', '-pie', '-Wl,-z,relro,-z,now'])
    }
  }
}

function isInstalled(program) {
  const directories = (process.env.PATH ?? '').split(':')
  return directories.some((directory) => existsSync(join(directory || '.', program)))
}

/** Whole or not at all: tests run side by side. */
function compile(program, source, name, flags, stderr = 'inherit') {
  const target = join(root, 'build/native', name)
  const fresh = `${target}.${process.pid}`
  mkdirSync(dirname(target), { recursive: true })
  execFileSync(program, [...strict, ...flags, '-o', fresh, source], {
    stdio: ['ignore', 'ignore', stderr],
  })
  renameSync(fresh, target)
}
