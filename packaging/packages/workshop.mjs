import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Makes a directory in which one package is made, because several may be made at once. It lies in the directory
 * `output`, and is removed when this process exits. Modes of new files no longer depend on the umask.
 */
export function openWorkshop(output) {
  process.umask(0o022)
  mkdirSync(output, { recursive: true })
  const directory = mkdtempSync(join(output, '.package-'))
  process.on('exit', () => rmSync(directory, { recursive: true }))
  return {
    directory,
    /** Moves a file of the workshop to the output directory, and prints its path there. */
    handOut(file) {
      const place = join(output, basename(file))
      renameSync(join(directory, file), place)
      process.stdout.write(`${place}\n`)
    },
  }
}

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
