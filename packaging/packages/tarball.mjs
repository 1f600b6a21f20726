// Makes the source tarball of this checkout, build/onescan-VERSION.tar.gz: the files that git tracks, dist/, the
// declarations of Node-API, and onescan.spec, which is onescan.spec.in with its version, scripts and lists of files filled
// in. A build from it needs no network (see Makefile). dist/ must have been built (build-bundles.mjs).
//
//   node packaging/packages/tarball.mjs [--output DIRECTORY]
//
// The same commit makes the same bytes.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readAddresses } from './addresses.mjs'
import { origin } from './origin.mjs'
import { filesOfSpec } from './package-files.mjs'
import { copySources, openWorkshop } from './workshop.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: { output: { type: 'string', default: join(root, 'build') } },
})
/** The files of npm packages that Makefile needs. */
const headers = 'node_modules/node-api-headers'
const { debianVersion: version, seconds } = origin(root)

if (!existsSync(join(root, 'dist/onescand.cjs'))) {
  process.stderr.write('tarball: dist/ is not built; type: npm run build\n')
  process.exit(1)
}
const workshop = openWorkshop(resolve(options.output))
const name = `onescan-${version}`
const tree = join(workshop.directory, name)
copySources(root, tree)
for (const directory of ['dist', headers]) {
  cpSync(join(root, directory), join(tree, directory), { recursive: true })
  openToAll(join(tree, directory))
}
writeFileSync(join(tree, 'onescan.spec'), specFile())
const tarball = `${name}.tar.gz`
const alike = ['--sort=name', `--mtime=@${seconds}`, '--owner=0', '--group=0', '--numeric-owner']
execFileSync('tar', ['--use-compress-program=gzip -n', ...alike, '-cf', tarball, name], {
  cwd: workshop.directory,
})
workshop.handOut(tarball)

/** Returns onescan.spec. In scripts % is doubled, because rpm expands macros there, too. */
function specFile() {
  const read = (path) => readFileSync(join(root, 'packaging', path), 'utf8')
  const script = (path) => read(`shipped/scripts/${path}`).replaceAll('%', '%%').trimEnd()
  const { homepage, developers } = readAddresses(root)
  const [, day, number, month, year] =
    /(\w+), (\d+) (\w+) (\d+)/.exec(new Date(seconds * 1000).toUTCString()) ?? []
  const files = Object.entries(filesOfSpec()).map(([of, lines]) => [
    `FILES_${of.toUpperCase().replaceAll('-', '_')}`,
    lines,
  ])
  const values = {
    ...Object.fromEntries(files),
    VERSION: version,
    HOMEPAGE: homepage,
    DEVELOPERS: developers,
    DATE: `${day} ${month} ${number} ${year}`,
    SET_UP: script('set-up.sh'),
    QUEUE_LINK: script('queue-link.sh'),
    USERS: script('users.sh'),
  }
  return read('packages/onescan.spec.in').replace(/@([A-Z_]+)@/g, (_, word) => values[word])
}

/** Sets modes that do not depend on the umask of the installation. */
function openToAll(directory) {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath ?? entry.path, entry.name), entry.isDirectory() ? 0o755 : 0o644)
  }
}
