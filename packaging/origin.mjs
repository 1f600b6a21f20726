import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The version of package.json, and the time of packages in `seconds`: SOURCE_DATE_EPOCH, by default
 * that of the commit. `debianVersion` is that of package.json if the commit has its tag. A build
 * between two releases has the commit after it, as in 0.1.0+git20261122023045.66d50720, so that apt
 * takes the later of two for an upgrade.
 */
export function origin(root, env = process.env) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const seconds = Number(env.SOURCE_DATE_EPOCH || git(root, 'log', '-1', '--format=%ct'))
  const debianVersion = versionOfSources(root) ?? versionOfCommit(root, version, seconds)
  return { version, debianVersion, seconds }
}

/** That of debian/changelog, which a source package has, or undefined. */
function versionOfSources(root) {
  const changelog = join(root, 'debian/changelog')
  if (!existsSync(changelog)) return undefined
  return /\((\S+)\)/.exec(readFileSync(changelog, 'utf8'))[1]
}

function versionOfCommit(root, version, seconds) {
  if (!existsSync(join(root, '.git')) || hasTag(root, version)) return version
  const date = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14)
  return `${version}+git${date}.${git(root, 'rev-parse', 'HEAD').slice(0, 8)}`
}

/** Whether the commit has the tag of its version, and so is a release. */
function hasTag(root, version) {
  return git(root, 'tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`)
}

/** The files with the addresses of the project: its pages, its repository, and where flaws are reported. */
const ADDRESSED = [
  'package.json',
  'README.md',
  'SECURITY.md',
  'debian/control',
  'debian/copyright',
  'packaging/package.mjs',
]
const PLACEHOLDER = /onescan[.@]example\.org/

/** Where users find the repository for apt: below the homepage. */
export function repositoryAddress(root) {
  const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return new URL('apt', homepage).href
}

/**
 * Throws if the commit is a release and an address of the project is still a placeholder. A source
 * package is of a release that has been looked at.
 */
export function refusePlaceholders(root, version) {
  if (versionOfSources(root) !== undefined) return
  if (!existsSync(join(root, '.git')) || !hasTag(root, version)) return
  const files = ADDRESSED.filter((file) => PLACEHOLDER.test(readFileSync(join(root, file), 'utf8')))
  if (files.length === 0) return
  throw new Error(`${files.join(', ')}: example.org is a placeholder; name the project's addresses`)
}

function git(root, ...words) {
  return execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
}
