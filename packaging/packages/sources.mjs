import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Copies the files of a checkout that git tracks, or would add, into the directory `tree`. Their modes do not depend
 * on the umask.
 */
export function copySources(root, tree) {
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const listed = execFileSync('git', words, { cwd: root, encoding: 'utf8' })
  for (const path of listed.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    copyFileSync(join(root, path), join(tree, path))
    chmodSync(join(tree, path), statSync(join(root, path)).mode & 0o100 ? 0o755 : 0o644)
  }
}
