// `npm run test:changed`: the tests of the components that a change touches.
import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'

/**
 * Files that differ from a commit, those that git does not know yet among them; paths from the root
 * of the repository. Throws with git's own words for what is not a commit.
 */
export function changedSince(commit, root) {
  const git = (...words) =>
    execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  const known = git('diff', '--name-only', '--relative', commit, '--')
  const unknown = git('ls-files', '--others', '--exclude-standard')
  return [...new Set(`${known}${unknown}`.split('\n').filter(Boolean))]
}

/**
 * Of all test files those that a change of `files` concerns: a changed test itself, and the tests
 * that stand where the component of a changed file has its tests: for src/scan/scanners/clamd/session-pool.ts these are
 * test/scan/scanners/clamd/*.test.ts, or if there are none, those of test/scan/scanners/.
 */
export function testsOf(files, all) {
  const wanted = new Set()
  for (const file of files) {
    if (all.includes(file)) wanted.add(file)
    else for (const test of testsOfComponent(componentOf(file), all)) wanted.add(test)
  }
  return all.filter((test) => wanted.has(test))
}

/** The component of tests; what is in none has no tests of its own. */
function componentOf(file) {
  const [top, ...rest] = dirname(file).split('/')
  if (top === 'src' || top === 'test') return ['test', ...rest]
  if (top === 'tools') return ['test', 'tools', ...rest]
  return ['test', top === 'debian' ? 'packaging' : top]
}

function testsOfComponent(component, all) {
  for (let depth = component.length; depth > 1; depth--) {
    const place = component.slice(0, depth).join('/')
    const tests = all.filter((test) => dirname(test) === place)
    if (tests.length > 0) return tests
  }
  return []
}
