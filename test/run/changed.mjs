// `npm run test:changed`: the tests of the folders that a change touches.
import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'

/**
 * Returns the files that differ from a commit, including untracked ones, as paths from the root of the repository. Throws
 * git's own error if there is no such commit.
 */
export function changedSince(commit, root) {
  const git = (...words) =>
    execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  const known = git('diff', '--name-only', '--relative', commit, '--')
  const unknown = git('ls-files', '--others', '--exclude-standard')
  return [...new Set(`${known}${unknown}`.split('\n').filter(Boolean))]
}

/**
 * Returns which of all test files a change of `files` concerns: changed tests, and the tests in the folder below test/
 * that corresponds to the folder of a changed file, at any depth. If that folder has none, they are those of the
 * nearest folder above it: test/mail/mime/ has the tests of src/mail/mime/quirks/.
 */
export function testsOf(files, all) {
  const wanted = new Set()
  for (const file of files) {
    if (all.includes(file)) wanted.add(file)
    else for (const test of testsBelow(folderOfTests(file), all)) wanted.add(test)
  }
  return all.filter((test) => wanted.has(test))
}

/** Returns the folder of the tests of a file, as a path in steps. Files at the root have none. */
function folderOfTests(file) {
  const [top, ...rest] = dirname(file).split('/')
  if (top === 'src' || top === 'test') return ['test', ...rest]
  if (top === 'tools') return ['test', 'tools', ...rest]
  return ['test', top === 'debian' ? 'packaging' : top]
}

function testsBelow(folder, all) {
  for (let depth = folder.length; depth > 1; depth--) {
    const place = `${folder.slice(0, depth).join('/')}/`
    const tests = all.filter((test) => test.startsWith(place))
    if (tests.length > 0) return tests
  }
  return []
}
