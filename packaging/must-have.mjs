// Names the programs that a build needs and this machine lacks, with their Debian packages, in one
// line. Without it the build would break off with a stack trace.
//
//   node packaging/must-have.mjs    checks all that `npm run package` needs
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './find-program.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Programs, or files by their absolute paths. */
const toCompile = { gcc: 'gcc', '/usr/include/stdio.h': 'libc6-dev' }
const toPack = { git: 'git', readelf: 'binutils', 'dpkg-deb': 'dpkg' }

/** Ends the process with a line if something is missing. */
export function mustHave({ compiles }) {
  if (!existsSync(join(root, 'node_modules/esbuild'))) end('npm packages are missing; npm install')
  const isThere = (name) => (name.startsWith('/') ? existsSync(name) : findProgram(name))
  const needed = { ...toPack, ...(compiles && toCompile) }
  const missing = Object.entries(needed).filter(([name]) => !isThere(name))
  const packages = missing.map(([, name]) => name).join(' ')
  if (missing.length > 0) end(`${packages}: is missing; apt install ${packages}`)
}

function end(why) {
  process.stderr.write(`package: ${why}\n`)
  process.exit(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) mustHave({ compiles: true })
