// What the builds of the programs in C share. Each program is a directory of src/c/.
//
// What qmail-smtpd starts is static where this host can link so, for then nothing in the
// environment of qmail-smtpd affects it. With musl where it is installed (Debian package
// musl-tools): before main, glibc asks the processor what it is some twenty times, and in a
// virtual machine each question is a trip to the hypervisor, 0.3 ms a message in all. CC names
// another compiler. musl.mjs fetches the musl for another processor.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchMusl, muslCompiler, muslLibrary } from './musl.mjs'
import { compilerFor } from './targets.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** The language, and the warnings that are errors. */
export const strict = [
  ...['-std=c11', '-D_FILE_OFFSET_BITS=64', '-Wall', '-Wextra', '-Werror', '-Wconversion'],
  ...['-Wsign-conversion', '-Wshadow', '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wformat=2'],
  ...['-Wundef', '-Wcast-qual', '-Wwrite-strings', '-Wimplicit-fallthrough', '-Wvla'],
]

/** Ends the program with a report at undefined behaviour. */
export const sanitized = [
  ...['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
]

/**
 * musl has no functions that _FORTIFY_SOURCE could call, and glibc has; what needs none of a
 * library is on with both.
 */
const small = [
  ...['-O2', '-s', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection'],
  ...['-ftrivial-auto-var-init=zero', '-ffunction-sections', '-Wl,--gc-sections'],
]
/** Static, and at an address that nobody knows beforehand; musl-gcc has no word for both. */
const staticPie = [
  ...['-fPIE', '-static', '-nostartfiles'],
  '-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now',
]

/**
 * Returns a function that compiles a program in C for a target (targets.mjs) into the path `out`,
 * with further words for the compiler. It takes the C library of the host if there is no musl,
 * unless `needsMusl`, and links with it dynamically if that cannot be done statically, unless
 * `needsStatic`.
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

/** A program's files in C, and those that all share, in an order that does not depend on the file system. */
export function cSources(program) {
  return ['src/c', join('src/c', program)].flatMap((directory) => {
    const files = readdirSync(join(root, directory)).filter((file) => file.endsWith('.c'))
    return files.sort().map((file) => join(root, directory, file))
  })
}

/**
 * Runs a compiler in the checkout; throws if it fails. With V=1 in the environment it prints the command, as builds
 * of Debian packages do, so that its flags can be looked at.
 */
export function runCompiler([compiler, ...words], stderr = 'inherit') {
  if (process.env.V === '1') process.stdout.write(`${[compiler, ...words].join(' ')}\n`)
  try {
    execFileSync(compiler, words, { cwd: root, stdio: ['ignore', 'ignore', stderr] })
  } catch (error) {
    throw error.code === 'ENOENT' ? new Error(`there is no C compiler ${compiler} here`) : error
  }
}
