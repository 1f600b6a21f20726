import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAddresses } from './addresses.mjs'

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

/** Returns the version in debian/changelog, or undefined if that file does not exist: only source packages have it. */
function versionOfSources(root) {
  const changelog = join(root, 'debian/changelog')
  if (!existsSync(changelog)) return undefined
  return /\((\S+)\)/.exec(readFileSync(changelog, 'utf8'))[1]
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

const PLACEHOLDER = /\bexample\.org\b/

/** The address of the repository for apt, below the homepage. */
export function repositoryAddress(root) {
  return new URL('apt', readAddresses(root).homepage).href
}

/**
 * Throws if the commit is a release and CHANGELOG.md has no section for it or one with a date after the commit, or an
 * address of the project is still a placeholder. A source package is not checked, because it was made from a release that was.
 */
export function refuseUnprepared(root, version) {
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
  const made = Object.entries(readAddresses(root)).filter(([, value]) => PLACEHOLDER.test(value))
  if (made.length === 0) return
  const names = made.map(([name]) => name).join(', ')
  throw new Error(
    `packaging/packages/addresses.json: ${names}: example.org is a placeholder; name the project's addresses, and run npm run addresses`,
  )
}

function git(root, ...words) {
  return execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
}
