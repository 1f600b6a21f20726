import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingOf, readAddresses } from './addresses.mjs'

/**
 * Returns the version of package.json and the time of packages in `seconds`: SOURCE_DATE_EPOCH, by default
 * the time of the commit. `debianVersion` is the same version if the commit has its tag. A build between two
 * releases has the commit appended, as in 1.0.0~git20261122023045.66d50720 before 1.0.0 and 1.0.0+git… after it, so
 * that apt upgrades to the later one (deb-version(7)).
 */
export function origin(root, env = process.env) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const seconds = Number(env.SOURCE_DATE_EPOCH || git(root, 'log', '-1', '--format=%ct'))
  const debianVersion = versionOfSources(root) ?? versionOfCommit(root, version, seconds)
  return { version, debianVersion, seconds }
}

/**
 * Returns what programs print as their version: that of package.json and, unless the sources are those of a release, the
 * commit, as in `1.0.0 (commit 66d50720)`.
 */
export function printedVersion(root) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const commit = commitOfSources(root)
  return commit === undefined ? version : `${version} (commit ${commit})`
}

/** Returns the commit, or undefined for a release. A build needs no git: without it, the commit is unknown. */
function commitOfSources(root) {
  try {
    return /[~+]git\d+\.(\w+)$/.exec(origin(root, { SOURCE_DATE_EPOCH: '1' }).debianVersion)?.[1]
  } catch {
    return undefined
  }
}

/** The files of source packages and of the source tarball that have its version. */
const NAMED_IN = { 'debian/changelog': /\((\S+)\)/, 'onescan.spec': /^Version: +(\S+)/m }

/** Returns the version of sources that are a package, or undefined for a clone. */
function versionOfSources(root) {
  for (const [name, pattern] of Object.entries(NAMED_IN)) {
    if (!existsSync(join(root, name))) continue
    return pattern.exec(readFileSync(join(root, name), 'utf8'))[1]
  }
  return undefined
}

function versionOfCommit(root, version, seconds) {
  if (!existsSync(join(root, '.git')) || hasTag(root, version)) return version
  const date = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14)
  const isBefore = git(root, 'tag', '--list', `v${version}`) === ''
  return `${version}${isBefore ? '~' : '+'}git${date}.${git(root, 'rev-parse', 'HEAD').slice(0, 8)}`
}

/** Returns whether the commit is a release: it has the tag of its version. */
function hasTag(root, version) {
  return git(root, 'tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`)
}

/** The address of the repository for apt, below the homepage. */
export function repositoryAddress(root) {
  return new URL('apt', readAddresses(root).homepage).href
}

/**
 * Throws if the commit is a release and CHANGELOG.md has no section for it or one with a date after the commit, or the owner
 * has not filled in addresses.json, or `key` is not the one there. A source package is not checked, because it was made from a release that was.
 */
export function refuseUnprepared(root, version, key) {
  if (versionOfSources(root) !== undefined) return
  if (!existsSync(join(root, '.git')) || !hasTag(root, version)) return
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split('\n')
  const heading = `## [${version}] - `
  const section = changes.find((line) => line.startsWith(heading))
  const [date] = /\d{4}-\d\d-\d\d$/.exec(section ?? '') ?? []
  if (date === undefined)
    throw new Error(`CHANGELOG.md: name the section of this release "${heading}DATE"`)
  const committed = new Date(Number(git(root, 'log', '-1', '--format=%ct')) * 1000)
  const today = committed.toISOString().slice(0, 10)
  if (date > today)
    throw new Error(
      `CHANGELOG.md: ${version} has the date ${date}, after its commit; write ${today}`,
    )
  const missing = missingOf(root)
  if (missing.length > 0)
    throw new Error(
      `packaging/packages/addresses.json: the owner has not filled in ${missing.join(', ')}; see doc/development/owner.md, and run npm run addresses`,
    )
  const own = readAddresses(root).key
  if (key !== undefined && key !== own)
    throw new Error(
      `--key ${key}: users expect ${own}; sign with that key, or correct addresses.json`,
    )
}

function git(root, ...words) {
  const stdio = ['ignore', 'pipe', 'pipe']
  return execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio }).trim()
}
