import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const read = (path) => readFileSync(join(root, path), 'utf8')

/** The binary packages, as .deb and as RPM. debian/*.install lists the files of each but onescan, which has the rest. */
export const PACKAGES = [...read('debian/control').matchAll(/^Package: (.*)$/gm)].map(
  ([, name = '']) => name,
)
const others = PACKAGES.filter((name) => name !== 'onescan')

/**
 * Returns lines of onescan.spec for %files, by package: what debian/*.install lists for it, with the directories above that
 * only these packages have. For onescan they exclude what the others have.
 */
export function filesOfSpec() {
  const sections = Object.fromEntries(others.map((name) => [name, inSpec(patternsOf(name))]))
  const excluded = others.flatMap(patternsOf).map((path) => `%exclude ${path}`)
  return { ...sections, onescan: joined(excluded) }
}

/** Returns what a package has, by the customs of RPM: the directory of units, and compressed man pages. */
const patternsOf = (name) =>
  read(`debian/${name}.install`)
    .trim()
    .split('\n')
    .map((path) => (path.startsWith('lib/') ? `/usr/${path}` : `/${path}`))
    .map((path) => (path.startsWith('/usr/share/man/') ? `${path}*` : path))

function inSpec(patterns) {
  const directories = [...new Set(patterns.flatMap(directoriesAbove))].sort()
  const files = patterns.map((path) => (path.includes('/doc/') ? `%doc ${path}` : path))
  return joined([...directories.map((path) => `%dir ${path}`), ...files])
}

function directoriesAbove(path) {
  const parent = dirname(path)
  return /\/onescan(\/|$)/.test(parent) ? [parent, ...directoriesAbove(parent)] : []
}

/** Joins lines. The RPM for the host's Node has no compiled programs. */
function joined(lines) {
  const isCompiled = (line) => line.includes('/usr/lib/onescan')
  const compiled = ['%if %{with compiled}', ...lines.filter(isCompiled), '%endif']
  const always = lines.filter((line) => !isCompiled(line))
  return [...(compiled.length > 2 ? compiled : []), ...always].join('\n')
}
