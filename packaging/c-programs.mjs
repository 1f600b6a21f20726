// What the builds of the programs in C share. Each program is a directory of src/c/.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

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

/** A program's files in C, in an order that does not depend on the file system. */
export function cSources(program) {
  const directory = join(root, 'src/c', program)
  const files = readdirSync(directory).filter((file) => file.endsWith('.c'))
  return files.sort().map((file) => join(directory, file))
}

/**
 * Runs a compiler in the checkout; throws if it fails. With V=1 in the environment it prints the command, as builds
 * of Debian packages do, so that its flags can be looked at.
 */
export function runCompiler([compiler, ...words], stderr = 'inherit') {
  if (process.env.V === '1') process.stdout.write(`${[compiler, ...words].join(' ')}\n`)
  execFileSync(compiler, words, { cwd: root, stdio: ['ignore', 'ignore', stderr] })
}
