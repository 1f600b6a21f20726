// What the package holds: for each path in it, what it is a copy of, or a link to.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pageInPackage } from './links.mjs'

const HOME = 'usr/lib/onescan'
/** Programs that people and services call, in PATH. */
const called = {
  onescan: 'usr/bin',
  'onescan-queue': 'usr/sbin',
  onescanc: 'usr/sbin',
  onescand: 'usr/sbin',
}
/** Likewise, where they are built. */
const alsoCalled = {
  'smtp-delay': 'usr/sbin',
  'onescan-quotad': 'usr/sbin',
  'onescan-rcptquota': 'usr/sbin',
}

const PAGES = 'usr/share/doc/onescan'

export function filesOfPackage(root, programs) {
  const packaging = (...path) => join(root, 'packaging', ...path)
  const deb = (name) => packaging('deb', name)
  return [
    ...programFiles(programs),
    ...manPages(root),
    ...readdirSync(deb(''))
      .filter((name) => /\.(service|socket)$/.test(name))
      .map((name) => ({ path: `usr/lib/systemd/system/${name}`, copyOf: deb(name) })),
    { path: 'usr/lib/sysusers.d/onescan.conf', copyOf: deb('sysusers.conf') },
    { path: 'usr/lib/tmpfiles.d/onescan.conf', copyOf: deb('tmpfiles.conf') },
    { path: 'etc/default/onescand', copyOf: deb('onescand.default') },
    { path: 'etc/default/onescan-quotad', copyOf: deb('onescan-quotad.default') },
    { path: 'usr/share/onescan/self-test', copyOf: deb('self-test'), mode: 0o755 },
    { path: 'usr/share/onescan/apparmor/usr.sbin.clamd', copyOf: deb('apparmor.usr.sbin.clamd') },
    ...tree(packaging('supervise'), 'usr/share/onescan/supervise'),
    ...tree(packaging('monitoring'), 'usr/share/onescan/monitoring'),
    ...tree(packaging('examples'), `${PAGES}/examples`),
    { path: `${PAGES}/examples/onescan-plugin.d.ts`, copyOf: join(root, 'src/plugin.ts') },
    ...pages(root),
    { path: 'usr/share/lintian/overrides/onescan', copyOf: deb('lintian-overrides') },
  ]
}

/** README.md, SECURITY.md and doc/ in one directory, texts compressed, with links that lead on there. */
function pages(root) {
  const files = [
    ...tree(join(root, 'doc'), PAGES),
    ...['README.md', 'SECURITY.md'].map((name) => {
      return { path: `${PAGES}/${name}`, copyOf: join(root, name), mode: 0o644 }
    }),
  ].map(({ path, ...file }) => ({ path: /\.(md|json)$/.test(path) ? `${path}.gz` : path, ...file }))
  const places = new Map([
    ...files.map(({ copyOf, path }) => [copyOf, path]),
    [join(root, 'CHANGELOG.md'), `${PAGES}/changelog.gz`],
    [join(root, 'LICENSE'), `${PAGES}/copyright`],
  ])
  return files.map(({ path, copyOf, mode }) => {
    if (!copyOf.endsWith('.md')) return { path, copyOf, mode }
    return { path, text: pageInPackage(copyOf, path, (file) => places.get(file)), mode }
  })
}

/** All of the directory goes to one place; links there stay links. */
function programFiles(directory) {
  const missing = Object.keys(called).filter((name) => !existsSync(join(directory, name)))
  if (missing.length > 0) throw new Error(`${directory}: ${missing.join(', ')} not built`)
  const built = readdirSync(directory).filter((name) => isProgram(join(directory, name)))
  return [
    ...built.map((name) => programFile(join(directory, name))),
    ...namesOfRuntime(join(directory, 'runtime')),
    ...Object.entries({ ...called, ...alsoCalled })
      .filter(([name]) => built.includes(name))
      .map(([name, place]) => ({
        path: `${place}/${name}`,
        linkTo: `../lib/onescan/${name}`,
      })),
  ]
}

/** Links to the runtime, for the names of its processes. */
function namesOfRuntime(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory).map((name) => ({
    path: `${HOME}/runtime/${name}`,
    linkTo: readlinkSync(join(directory, name)),
  }))
}

/** Neither a directory nor a build for the tests. */
function isProgram(file) {
  return !lstatSync(file).isDirectory() && !file.endsWith('-sanitized')
}

function programFile(file) {
  const path = `${HOME}/${basename(file)}`
  if (lstatSync(file).isSymbolicLink()) return { path, linkTo: readlinkSync(file) }
  const executable = (lstatSync(file).mode & 0o111) !== 0
  return { path, copyOf: file, mode: executable ? 0o755 : 0o644 }
}

function manPages(root) {
  const { man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return man.map((page) => {
    const name = basename(page)
    return { path: `usr/share/man/man${name.at(-1)}/${name}.gz`, copyOf: join(root, page) }
  })
}

/** Files of a directory and those below, executable where they are. */
function tree(directory, place) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = join(directory, entry.name)
    if (entry.isDirectory()) return tree(file, `${place}/${entry.name}`)
    const mode = (lstatSync(file).mode & 0o111) !== 0 ? 0o755 : 0o644
    return [{ path: `${place}/${entry.name}`, copyOf: file, mode }]
  })
}
