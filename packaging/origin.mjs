import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What packages say of themselves: package.json, who makes them (deb-control(5), Maintainer), and
 * their time in `seconds`, SOURCE_DATE_EPOCH, by default that of the commit.
 */
export function origin(root) {
  const { version, homepage, repository } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const { DEBFULLNAME = 'onescan developers', DEBEMAIL = 'onescan@example.org' } = process.env
  const seconds = process.env.SOURCE_DATE_EPOCH ?? timeOfCommit(root)
  const maintainer = `${DEBFULLNAME} <${DEBEMAIL}>`
  return { version, homepage, repository, maintainer, seconds: Number(seconds) }
}

function timeOfCommit(root) {
  return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' })
}
