// Compiles the two programs in C that qmail-smtpd starts for each message or recipient,
// onescanc and onescan-rcptquota, into build/native/ (see compile-c.mjs).
//
//   node packaging/builds/build-client.mjs [--arch ARCH] [--sanitized] [--musl]
//
// --arch builds for another processor, into build/native-ARCH/. --sanitized builds NAME-sanitized for the tests;
// it waits one second for a standalone program to end. --musl fails without musl, instead of using the C library
// of the host.
import { mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { printedVersion } from '../packages/origin.mjs'
import { compilerFor, targetOf } from '../toolchain/targets.mjs'
import { cSources, runCompiler, sanitized, smallPrograms, strict } from './compile-c.mjs'
import { programsInC } from './program-list.cjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    sanitized: { type: 'boolean' },
    musl: { type: 'boolean' },
  },
})
const target = targetOf(options.arch)
const defined = `-DVERSION="${printedVersion(root)}"`
const compile = options.sanitized
  ? withSanitizers
  : smallPrograms(target, { needsMusl: options.musl })

for (const name of programsInC) build(name, options.sanitized ? `${name}-sanitized` : name)

/** Builds elsewhere and renames, so that the file is always complete: concurrent tests pack it. */
function build(program, name) {
  const file = join(target.native, name)
  const fresh = `${target.native}-${name}-${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  compile(program, fresh, [defined])
  renameSync(fresh, file)
}

function withSanitizers(program, out, words) {
  const flags = [...strict, ...sanitized, ...words, '-DSTANDALONE_WAIT=1', '-o', out]
  runCompiler([compilerFor(target), ...flags, ...cSources(program)])
}
