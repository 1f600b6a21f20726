// Compiles onescanc, the one program in C, into build/native/: static where this host
// can link so, for then nothing in the environment of qmail-smtpd has a say in it.
//
//   node packaging/build-client.mjs [--sanitized]    the latter: onescanc-sanitized, for the tests
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src/client/onescanc.c')
const compiler = process.env.CC || 'cc'

const strict = [
  ...['-std=c11', '-D_FILE_OFFSET_BITS=64', '-Wall', '-Wextra', '-Werror', '-Wconversion'],
  ...['-Wsign-conversion', '-Wshadow', '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wformat=2'],
  ...['-Wundef', '-Wcast-qual', '-Wwrite-strings', '-Wimplicit-fallthrough', '-Wvla'],
]
const small = ['-O2', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong']
const sanitized = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']

if (process.argv[2] === '--sanitized') {
  compile('onescanc-sanitized', sanitized)
} else {
  try {
    compile('onescanc', [...small, '-static'], 'pipe')
  } catch {
    compile('onescanc', [...small, '-fPIE', '-pie', '-Wl,-z,relro,-z,now'])
  }
}

/** Whole or not at all: tests run side by side. */
function compile(name, flags, stderr = 'inherit') {
  const target = join(root, 'build/native', name)
  const fresh = `${target}.${process.pid}`
  mkdirSync(dirname(target), { recursive: true })
  execFileSync(compiler, [...strict, ...flags, '-o', fresh, source], {
    stdio: ['ignore', 'ignore', stderr],
  })
  renameSync(fresh, target)
}
