// Compiles the two programs in C that qmail-smtpd starts for each message or recipient,
// onescanc and onescan-rcptquota, into build/native/: static where this host can link so,
// for then nothing in the environment of qmail-smtpd has a say in them. With
// musl where it is installed (Debian package musl-tools): before main, glibc asks the
// processor what it is some twenty times, and in a virtual machine each question is a trip
// to the hypervisor, 0.3 ms a message in all. CC names another compiler.
//
//   node packaging/build-client.mjs [--arch ARCH] [--sanitized] [--musl]
//
// --arch builds for another processor, into build/native-ARCH/; musl.mjs says where its musl
// comes from. --sanitized builds NAME-sanitized, for the tests. --musl fails where there is
// no musl, instead of taking the C library of the host.
import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cSources, runCompiler, sanitized, strict } from './c-programs.mjs'
import { fetchMusl, muslCompiler, muslLibrary } from './musl.mjs'
import { compilerFor, targetOf } from './targets.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Each is a directory of src/c/ whose files make up the program. */
const programs = ['onescanc', 'onescan-rcptquota']
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    sanitized: { type: 'boolean' },
    musl: { type: 'boolean' },
  },
})
const target = targetOf(options.arch)
const compiler = [compilerFor(target)]
if (!target.own) fetchMusl(target)
const withMusl = target.own && process.env.CC ? undefined : muslCompiler(target)
if (options.musl && !withMusl) {
  const remedy = target.own ? 'install Debian package musl-tools, and unset CC' : 'apt has none'
  throw new Error(`no musl for ${target.arch}: ${remedy}`)
}

/**
 * musl has no functions that _FORTIFY_SOURCE could call, and glibc has; what needs none of a
 * library is on with both.
 */
const small = [
  ...['-O2', '-s', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection'],
  '-ftrivial-auto-var-init=zero',
]
/** Static, and at an address that nobody knows beforehand; musl-gcc has no word for both. */
const staticPie = [
  ...['-fPIE', '-static', '-nostartfiles'],
  '-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now',
]

for (const name of programs) build(name, cSources(name))

function build(name, files) {
  if (options.sanitized) {
    compile(compiler, files, `${name}-sanitized`, sanitized)
  } else if (withMusl) {
    const start = (file) => join(muslLibrary(target), file)
    const objects = [start('rcrt1.o'), start('crti.o'), ...files, start('crtn.o')]
    compile(withMusl, objects, name, [...small, ...staticPie])
  } else {
    try {
      compile(compiler, files, name, [...small, '-static'], 'pipe')
    } catch {
      compile(compiler, files, name, [...small, '-fPIE', '-pie', '-Wl,-z,relro,-z,now'])
    }
  }
}

/** Whole or not at all, and made elsewhere: tests run side by side, and pack what is there. */
function compile([program, ...words], files, name, flags, stderr = 'inherit') {
  const file = join(target.native, name)
  const fresh = `${target.native}-${name}-${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  const defined = `-DVERSION="${version}"`
  runCompiler([program, ...words, ...strict, ...flags, defined, '-o', fresh, ...files], stderr)
  renameSync(fresh, file)
}
