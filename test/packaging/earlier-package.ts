import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDirectory } from '../programs/host/reachable.ts'
import type { Ending } from '../programs/host/server.ts'
import { extractPackages } from './built-package.ts'

/**
 * Returns the file of a package with all programs, as earlier commits made it: older than the packages beside `file`, with
 * another path for a socket. EARLIER in the environment names a real one.
 */
export function earlierPackage(t: Ending, file: string): string {
  if (process.env.EARLIER) return process.env.EARLIER
  const directory = openDirectory(t)
  const tree = join(directory, 'tree')
  execFileSync('dpkg-deb', ['--raw-extract', file, tree])
  extractPackages(file, tree)
  const change = (path: string, from: RegExp, to: string) => {
    const text = readFileSync(join(tree, path), 'utf8')
    if (!from.test(text)) throw new Error(`${path}: lacks ${from}`)
    writeFileSync(join(tree, path), text.replace(from, to))
  }
  change('lib/systemd/system/onescand.socket', /qmail\.sock/, 'slot.sock')
  change(
    'lib/systemd/system/onescand.service',
    / \$ONESCAND_OPTIONS/g,
    ' --socket /run/onescan/slot.sock $ONESCAND_OPTIONS',
  )
  change('DEBIAN/control', /^Version: .*/m, 'Version: 0.9.0')
  change('DEBIAN/control', /^Depends: onescan-runtime [^,]*, /m, 'Depends: ')
  execFileSync('dpkg-deb', ['--build', '-Znone', tree, join(directory, 'earlier.deb')])
  return join(directory, 'earlier.deb')
}
