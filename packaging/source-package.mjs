// Makes build/onescan_VERSION.dsc and .tar.xz from what the repository has: a source package of
// Debian's format 3.0 (native). Its README.source says what a build needs from elsewhere.
// The same files make the same bytes: times are SOURCE_DATE_EPOCH, by default that of the commit.
//
//   node packaging/source-package.mjs [--output DIRECTORY] [--if-possible]
//
// --if-possible says in a line that dpkg-source is missing, and is content: hosts need no sources.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { debianChangelog } from './deb/changelog.mjs'
import { copyrightOfSources } from './deb/copyright.mjs'
import { fill } from './deb/scripts.mjs'
import { findProgram } from './find-program.mjs'
import { origin } from './origin.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: join(root, 'build') },
    'if-possible': { type: 'boolean', default: false },
  },
})
if (!findProgram('dpkg-source')) {
  process.stderr.write('no source package: dpkg-source is missing; apt install dpkg-dev\n')
  process.exit(options['if-possible'] ? 0 : 1)
}
const { debianVersion: version, homepage, repository, maintainer, seconds } = origin(root)
const output = resolve(options.output)
mkdirSync(output, { recursive: true })
const workshop = mkdtempSync(join(output, '.source-'))
process.on('exit', () => rmSync(workshop, { recursive: true }))
const tree = join(workshop, `onescan-${version}`)

for (const path of sources()) {
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  copyFileSync(join(root, path), join(tree, path))
}
writeDebian()
seal(tree)
// By itself it would leave .gitignore out, which says what are sources.
execFileSync('dpkg-source', ['-Zxz', '--tar-ignore=debian/files', '--build', tree], {
  cwd: workshop,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
})
for (const name of readdirSync(workshop).filter((file) => file.startsWith('onescan_'))) {
  copyFileSync(join(workshop, name), join(output, name))
  process.stdout.write(`${join(output, name)}\n`)
}

/** All files but those that .gitignore names, and a debian/ that such a package brought. */
function sources() {
  const lines = readFileSync(join(root, '.gitignore'), 'utf8').split('\n').filter(Boolean)
  const ignored = (path, name) =>
    lines.some((line) => {
      if (line.startsWith('*')) return name.endsWith(line.slice(1))
      const own = line.replace(/\/$/, '')
      return own.includes('/') ? path === own : name === own
    })
  const below = (directory) =>
    readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name)
      if (ignored(path, entry.name) || path === '.git' || path === 'debian') return []
      if (entry.isDirectory()) return below(path)
      if (!entry.isFile()) throw new Error(`${path}: neither a file nor a directory`)
      return [path]
    })
  return below('')
}

function writeDebian() {
  const own = join(root, 'packaging/deb/source')
  const write = (path, text) => {
    mkdirSync(dirname(join(tree, 'debian', path)), { recursive: true })
    writeFileSync(join(tree, 'debian', path), text)
  }
  for (const path of ['rules', 'README.source', 'tests/control', 'tests/first-hour']) {
    write(path, readFileSync(join(own, path)))
  }
  for (const path of ['rules', 'tests/first-hour']) chmodSync(join(tree, 'debian', path), 0o755)
  write('control', control(readFileSync(join(own, 'control.in'), 'utf8')))
  const date = new Date(seconds * 1000)
  write('changelog', debianChangelog(root, { version, date, maintainer }))
  write('copyright', copyrightOfSources(root))
  write('source/format', '3.0 (native)\n')
}

/** With what the package says of itself, which stands in one place. */
function control(text) {
  const ofPackage = readFileSync(join(root, 'packaging/deb/control.in'), 'utf8')
  const [suggests] = /Suggests: .*\n/.exec(ofPackage)
  const [description] = /^Description: [\s\S]*/m.exec(ofPackage)
  const own = fill(text, {
    MAINTAINER: maintainer,
    HOMEPAGE: homepage,
    REPOSITORY: repository.url.replace(/^git\+/, ''),
  })
  return `${own}${suggests}${description}`
}

/** Modes and times that do not depend on the checkout; in a directory what is in it first. */
function seal(path) {
  const status = lstatSync(path)
  if (status.isDirectory()) for (const name of readdirSync(path)) seal(join(path, name))
  chmodSync(path, status.isDirectory() || status.mode & 0o100 ? 0o755 : 0o644)
  utimesSync(path, seconds, seconds)
}
