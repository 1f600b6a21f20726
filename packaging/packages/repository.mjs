// Makes a signed repository for apt, which any web server can serve: dists/, pool/, and onescan.sources with its
// address and key, the only file that a host needs (sources.list(5), DEB822-STYLE FORMAT).
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { targets } from '../toolchain/targets.mjs'

const SUITE = 'stable'
const COMPONENT = 'main'

/**
 * Writes the repository into the new `directory`. `packages` are .deb files, of several versions if hosts should be
 * able to go back. `key` is a secret key in the keyring of gpg(1), and `address` is the future address of the
 * directory. Except for the signatures, the result is the same in each run.
 */
export function writeRepository(directory, { packages, address, key, seconds }) {
  const pool = `pool/${COMPONENT}/o/onescan`
  mkdirSync(join(directory, pool), { recursive: true })
  for (const file of packages) copyFileSync(file, join(directory, pool, basename(file)))
  const suite = join(directory, 'dists', SUITE)
  const architectures = targets.map(({ debian }) => debian)
  for (const architecture of architectures) {
    const place = join(suite, COMPONENT, `binary-${architecture}`)
    mkdirSync(place, { recursive: true })
    const index = run(directory, 'apt-ftparchive', '--arch', architecture, 'packages', pool)
    writeFileSync(join(place, 'Packages'), index)
    run(place, 'xz', '--keep', 'Packages')
  }
  const fields = {
    Origin: 'onescan',
    Label: 'onescan',
    Suite: SUITE,
    Codename: SUITE,
    Components: COMPONENT,
    Architectures: architectures.join(' '),
    Description: 'onescan scans each message once, anywhere in a cluster',
  }
  const words = Object.entries(fields).flatMap(([name, value]) => [
    ...['-o', `APT::FTPArchive::Release::${name}=${value}`],
  ])
  // By default the file would list itself, and contain the current time.
  const release = String(run(suite, 'apt-ftparchive', ...words, 'release', '.'))
    .replace(
      /^Date: .*$/m,
      `Date: ${new Date(seconds * 1000).toUTCString().replace('GMT', '+0000')}`,
    )
    .replace(/^ \S+ +\d+ Release\n/gm, '')
  writeFileSync(join(suite, 'Release'), release)
  signInto(join(suite, 'InRelease'), key, '--clear-sign', join(suite, 'Release'))
  writeFileSync(join(directory, 'onescan.sources'), sourcesFile(address, publicKey(key)))
}

/** Signs a file with gpg(1); `how` is --clear-sign, or --detach-sign with --armor. */
export function signInto(output, key, ...how) {
  run('.', 'gpg', '--batch', '--yes', '--local-user', key, '--output', output, ...how)
}

function publicKey(key) {
  const armoured = String(run('.', 'gpg', '--batch', '--armor', '--export', key))
  if (armoured === '') throw new Error(`gpg has no key ${key}`)
  return armoured.trimEnd().split('\n')
}

function sourcesFile(address, lines) {
  return `Types: deb
URIs: ${address}
Suites: ${SUITE}
Components: ${COMPONENT}
Signed-By:
${lines.map((line) => ` ${line || '.'}\n`).join('')}`
}

function run(directory, command, ...words) {
  return execFileSync(command, words, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
}
