// Makes build/onescan_VERSION_ARCH.deb from what is built and what lies in packaging/.
// The same commit and the same programs make the same bytes: every time in the package is
// SOURCE_DATE_EPOCH, by default the time of the commit.
//
//   node packaging/package.mjs [--arch ARCH] [--programs DIRECTORY] [--output DIRECTORY] [--compress gzip|xz|zstd|none] [--level 1..9]
//
// --arch makes that of another processor, by targets.mjs.
// --programs takes those that are in DIRECTORY and builds none. xz makes the package a
// quarter smaller, in two minutes instead of seven seconds.
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { debianChangelog } from './deb/changelog.mjs'
import { copyrightOfPackage } from './deb/copyright.mjs'
import { filesOfPackage } from './deb/files.mjs'
import { newestGlibc } from './deb/glibc.mjs'
import { fill, maintainerScript } from './deb/scripts.mjs'
import { makeStage } from './deb/stage.mjs'
import { librariesOf } from './libraries.mjs'
import { mustHave } from './must-have.mjs'
import { origin } from './origin.mjs'
import { targetOf } from './targets.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    programs: { type: 'string' },
    output: { type: 'string', default: join(root, 'build') },
    compress: { type: 'string', default: 'gzip' },
    level: { type: 'string' },
  },
})
mustHave({ compiles: options.programs === undefined })
const { debianVersion: version, homepage, maintainer, seconds } = origin(root)
const target = targetOf(options.arch)
const programs = options.programs ?? buildPrograms()
const architecture = target.debian

mkdirSync(options.output, { recursive: true })
// A tree of its own: several packages may be built at a time.
const workshop = mkdtempSync(join(options.output, '.package-'))
process.on('exit', () => rmSync(workshop, { recursive: true }))
const stage = makeStage(join(workshop, 'tree'), seconds)
for (const { path, ...entry } of filesOfPackage(root, programs)) stage.add(path, entry)
stage.add('usr/share/doc/onescan/changelog.gz', {
  text: debianChangelog(root, { version, date: new Date(seconds * 1000), maintainer }),
})
stage.add('usr/share/doc/onescan/copyright', { text: copyrightOfPackage(root) })

stage.add('usr/share/bash-completion/completions/onescan', { text: completionFor('bash') })
stage.add('usr/share/zsh/vendor-completions/_onescan', { text: completionFor('zsh') })

const fields = {
  VERSION: version,
  ARCHITECTURE: architecture,
  MAINTAINER: maintainer,
  GLIBC: newestGlibc(programs),
  STATIC_BUILT_USING: staticBuiltUsing(),
  HOMEPAGE: homepage,
  INSTALLED_SIZE: stage.kibibytes(),
}
stage.control('control', fill(readFileSync(own('control.in'), 'utf8'), fields))
for (const name of ['preinst', 'postinst', 'prerm', 'postrm']) {
  if (existsSync(own(name))) stage.control(name, maintainerScript(own(name)), 0o755)
}
stage.control('triggers', readFileSync(own('triggers'), 'utf8'))
stage.control(
  'conffiles',
  stage
    .paths()
    .filter((path) => path.startsWith('etc/'))
    .map((path) => `/${path}\n`)
    .join(''),
)
stage.control('md5sums', stage.checksums())
stage.seal()

const file = join(options.output, `onescan_${version}_${architecture}.deb`)
// dpkg-deb alone: no dh_strip may come near the runtime, which has its program behind its end.
execFileSync(
  'dpkg-deb',
  [
    '--root-owner-group',
    '--threads-max=2',
    '--uniform-compression',
    `-Z${options.compress}`,
    ...(options.level ? [`-z${options.level}`] : []),
    '--build',
    stage.directory,
    file,
  ],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
  },
)
process.stdout.write(`${file}\n`)

function buildPrograms() {
  for (const script of ['build-native.mjs', 'build-client.mjs']) {
    const words = [join(root, 'packaging', script), '--arch', target.arch]
    execFileSync(process.execPath, words, { stdio: ['ignore', 2, 2] })
  }
  return target.native
}

function own(name) {
  return join(root, 'packaging/deb', name)
}

/** The field with its line end, or ''. Bun and the npm packages come from no Debian source. */
function staticBuiltUsing() {
  const linked = ['onescanc', 'onescan-rcptquota'].filter((name) => {
    const file = join(programs, name)
    return existsSync(file) && lstatSync(file).isFile() // the tests' own are links
  })
  const sources = linked.flatMap((name) => librariesOf(target, name).split(', ')).filter(Boolean)
  return sources.length === 0
    ? ''
    : `Static-Built-Using: ${[...new Set(sources)].sort().join(', ')}\n`
}

/** What `onescan completion` prints in that shell. */
function completionFor(shell) {
  return execFileSync(process.execPath, [join(root, 'dist/onescan.cjs'), 'completion'], {
    encoding: 'utf8',
    env: { SHELL: `/bin/${shell}`, ...(shell === 'zsh' && { ZSH_NAME: 'zsh' }) },
  })
}
