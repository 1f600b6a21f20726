// Shared parts of the builds of the programs in C. Each program is a directory, and uses the files of src/c/.
//
// The programs that qmail-smtpd starts are linked statically if this host can do that, so that the environment of
// qmail-smtpd cannot affect them. They use musl if it is installed (Debian package musl-tools). Before main, glibc
// queries the processor about twenty times (CPUID), and in a virtual machine each query goes to the hypervisor: 0.3 ms
// for each message. CC names another compiler. musl.mjs downloads musl for other processors.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchMusl, muslCompiler, muslLibrary } from '../toolchain/musl.mjs'
import { compilerFor } from '../toolchain/targets.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Flags for the language, and for warnings that are errors. */
export const strict = [
  ...['-std=c11', '-D_FILE_OFFSET_BITS=64', '-Wall', '-Wextra', '-Werror', '-Wconversion'],
  ...['-Wsign-conversion', '-Wshadow', '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wformat=2'],
  ...['-Wundef', '-Wcast-qual', '-Wwrite-strings', '-Wimplicit-fallthrough', '-Wvla'],
]

/** Flags with which a program exits with a report on undefined behaviour. */
export const sanitized = [
  ...['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
]

/**
 * Flags for hardening. Only glibc has the functions that _FORTIFY_SOURCE calls; the other flags need no library.
 */
const small = [
  ...['-O2', '-s', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection'],
  ...['-ftrivial-auto-var-init=zero', '-ffunction-sections', '-Wl,--gc-sections'],
]
/** Flags for a static program at a random address. musl-gcc has no single option for that. */
const staticPie = [
  ...['-fPIE', '-static', '-nostartfiles'],
  '-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now',
]

/**
 * Returns a function that compiles a program in C for a target (targets.mjs) into the path `out`,
 * with further options of the compiler. Without musl it uses the C library of the host, unless `needsMusl` is set. If
 * that cannot be linked statically, it is linked dynamically, unless `needsStatic` is set.
 */
export function smallPrograms(target, { needsMusl = false, needsStatic = false } = {}) {
  fetchMusl(target)
  const withMusl = target.isOwn && process.env.CC ? undefined : muslCompiler(target)
  if (needsMusl && !withMusl) {
    const remedy = target.isOwn ? 'install Debian package musl-tools, and unset CC' : 'apt has none'
    throw new Error(`no musl for ${target.arch}: ${remedy}`)
  }
  const compiler = compilerFor(target)
  return (program, out, words) => {
    const files = cSources(program)
    const rest = [...words, '-o', out]
    if (withMusl) {
      const start = (file) => join(muslLibrary(target), file)
      const objects = [start('rcrt1.o'), start('crti.o'), ...files, start('crtn.o')]
      return runCompiler([...withMusl, ...strict, ...small, ...staticPie, ...rest, ...objects])
    }
    const common = [compiler, ...strict, ...small, ...rest, ...files]
    try {
      runCompiler([...common, '-static'], 'pipe')
    } catch (error) {
      if (needsStatic) throw error
      runCompiler([...common, '-fPIE', '-pie', '-Wl,-z,relro,-z,now'])
    }
  }
}

/** Returns the C files of a program, and the shared ones, in an order that does not depend on the file system. */
export function cSources(program) {
  const own =
    program === 'onescan-rcptquota' ? 'src/quota/onescan-rcptquota' : join('src/c', program)
  return ['src/c', own].flatMap((directory) => {
    const files = readdirSync(join(root, directory)).filter((file) => file.endsWith('.c'))
    return files.sort().map((file) => join(root, directory, file))
  })
}

/**
 * Runs a compiler in the checkout. Throws if it fails. With V=1 in the environment it prints the command and its
 * flags, as builds of Debian packages do.
 */
export function runCompiler([compiler, ...words], stderr = 'inherit') {
  if (process.env.V === '1') process.stdout.write(`${[compiler, ...words].join(' ')}\n`)
  try {
    execFileSync(compiler, words, { cwd: root, stdio: ['ignore', 'ignore', stderr] })
  } catch (error) {
    throw error.code === 'ENOENT' ? new Error(`there is no C compiler ${compiler} here`) : error
  }
}
